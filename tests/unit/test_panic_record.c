/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page that outlives a reset: what a panic leaves is shown by the next boot once, and whatever else the
 * page may hold is neither shown nor believed. The page stands alone in memory, so that the sanitizer sees
 * each access beside it.
 */
#include "fake_x86.h"

#include <stdlib.h>

#include "core/panic.h"

#define HEADER_WORDS 4 /* magic, length, complete, checksum */
#define TEXT_MAX     (PAGE_SIZE - HEADER_WORDS * sizeof(u64))

static u8 *page;
static char shown[64][LOG_LINE_MAX];
static unsigned int shown_count;

static void keep_sink(enum log_level level, const char *line, size_t len)
{
	assert_true(shown_count < ARRAY_SIZE(shown));
	assert_true(level != LOG_ERROR); /* it would be noted again */
	memcpy(shown[shown_count], line, len + 1);
	shown_count++;
}

static int setup(void **state)
{
	page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	assert_non_null(page);
	memset(page, 0, PAGE_SIZE);
	panic_use_record(virt_to_phys(page));
	log_set_sink(keep_sink);
	log_set_level(LOG_DEBUG);
	shown_count = 0;
	return 0;
}

static int teardown(void **state)
{
	free(page);
	panic_use_record(0);
	return 0;
}

static void note(const char *line)
{
	/* A copy as long as the line, so that reading past it is seen. */
	size_t len = strlen(line);
	char *copy = malloc(len ? len : 1);

	memcpy(copy, line, len);
	panic_note_line(LOG_ERROR, copy, len);
	free(copy);
}

/*
 * Runs the next boot's look at the page: how many lines of a panic did it show? The page is empty after it.
 */
static unsigned int lines_shown(void)
{
	shown_count = 0;
	panic_show_previous();
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(page[i], 0);
	if (shown_count)
		assert_non_null(strstr(shown[0], "ended in a panic"));
	return shown_count ? shown_count - 1 : 0;
}

static bool was_shown(const char *text)
{
	for (unsigned int i = 1; i < shown_count; i++) {
		if (strstr(shown[i], text))
			return true;
	}
	return false;
}

static void a_panic_is_shown_once(void **state)
{
	note("an error before");
	panic_mark_record();
	note("panic: the last words");
	assert_int_equal(lines_shown(), 2);
	assert_non_null(strstr(shown[1], "an error before"));
	assert_non_null(strstr(shown[2], "panic: the last words"));
	assert_int_equal(lines_shown(), 0);
}

static void errors_alone_are_no_panic(void **state)
{
	note("an error of a run that went on");
	assert_int_equal(lines_shown(), 0);
	assert_int_equal(shown_count, 0);
}

static void only_errors_are_kept(void **state)
{
	panic_mark_record();
	panic_note_line(LOG_WARN, "warning", 7);
	panic_note_line(LOG_INFO, "info", 4);
	panic_note_line(LOG_DEBUG, "debug", 5);
	note("error");
	assert_int_equal(lines_shown(), 1);
	assert_true(was_shown("error"));
}

static void a_panic_without_a_word_is_a_panic(void **state)
{
	panic_mark_record();
	assert_int_equal(lines_shown(), 0);
	assert_int_equal(shown_count, 1);
}

static void empty_lines_are_lines(void **state)
{
	panic_mark_record();
	note("");
	note("second");
	assert_int_equal(lines_shown(), 2);
	assert_true(was_shown("second"));
}

static void without_a_page_nothing_happens(void **state)
{
	panic_use_record(0);
	note("nowhere");
	panic_mark_record();
	panic_show_previous();
	assert_int_equal(shown_count, 0);
}

/* ---- a page that holds something else -------------------------------------------------------------- */

static void a_good_record(void)
{
	panic_mark_record();
	note("panic: good");
	note("more");
}

/* Each bit of the header and of the text counts: a changed one makes the record void. */
static void one_wrong_bit_voids_it(void **state)
{
	u8 good[PAGE_SIZE];
	unsigned int used;

	a_good_record();
	memcpy(good, page, sizeof(good));
	used = HEADER_WORDS * sizeof(u64) + sizeof("panic: good\nmore\n") - 1;
	for (unsigned int bit = 0; bit < used * 8; bit++) {
		memcpy(page, good, sizeof(good));
		page[bit / 8] ^= (u8)(1u << bit % 8);
		lines_shown();
		assert_int_equal(shown_count, 0);
	}
	memcpy(page, good, sizeof(good));
	assert_int_equal(lines_shown(), 2);
}

static void a_length_beyond_the_page_is_not_followed(void **state)
{
	static const u64 lengths[] = { TEXT_MAX + 1, PAGE_SIZE, 1u << 20, 1ull << 32, 1ull << 63, ~0ull };

	for (unsigned int i = 0; i < ARRAY_SIZE(lengths); i++) {
		a_good_record();
		memcpy(page + 8, &lengths[i], 8);
		lines_shown();
		assert_int_equal(shown_count, 0);
		a_good_record();
		memcpy(page + 8, &lengths[i], 8);
		note("after");
		panic_mark_record();
		assert_int_equal(lines_shown(), 1);
		assert_true(was_shown("after"));
	}
}

static void noise_is_not_shown_and_can_be_written_over(void **state)
{
	u64 magic;

	a_good_record();
	memcpy(&magic, page, sizeof(magic));
	srand(1);
	for (unsigned int run = 0; run < 2000; run++) {
		for (unsigned int i = 0; i < PAGE_SIZE; i++)
			page[i] = (u8)rand();
		if (run & 1)
			memcpy(page, &magic, sizeof(magic));
		if (run & 2)
			memset(page + 10, 0, 6); /* a length of two bytes */
		if (run & 4) {
			note("panic: over noise");
			panic_mark_record();
			assert_int_equal(lines_shown(), 1);
			assert_true(was_shown("panic: over noise"));
		} else {
			lines_shown();
			assert_int_equal(shown_count, 0);
		}
	}
	memset(page, 0xff, PAGE_SIZE);
	lines_shown();
	assert_int_equal(shown_count, 0);
}

/*
 * A record with a right checksum, as the record's writer never makes one: FNV-1a over the text, begun with
 * the other words.
 */
static void forge(u64 complete, const char *text, u64 length)
{
	u64 words[HEADER_WORDS], sum;

	a_good_record();
	memcpy(words, page, sizeof(words));
	memcpy(page + sizeof(words), text, length);
	sum = 0xcbf29ce484222325u ^ words[0] ^ length ^ complete;
	for (u64 i = 0; i < length; i++)
		sum = (sum ^ (u8)text[i]) * 0x100000001b3u;
	words[1] = length;
	words[2] = complete;
	words[3] = sum;
	memcpy(page, words, sizeof(words));
}

static void only_one_is_complete(void **state)
{
	forge(0, "text\n", 5);
	lines_shown();
	assert_int_equal(shown_count, 0);
	forge(2, "text\n", 5);
	lines_shown();
	assert_int_equal(shown_count, 0);
	forge(1, "text\n", 5);
	assert_int_equal(lines_shown(), 1);
}

static void a_text_of_any_shape_stays_in_the_page(void **state)
{
	static char text[TEXT_MAX];

	memset(text, 'x', sizeof(text)); /* one line, longer than a log line, without its end */
	forge(1, text, sizeof(text));
	lines_shown();
	text[sizeof(text) - 1] = '\n';
	forge(1, text, sizeof(text));
	assert_int_equal(lines_shown(), 1);
	memset(text, 0, sizeof(text));
	forge(1, text, sizeof(text));
	lines_shown();
	memcpy(text, "%s%n%s\n", 7); /* not a format */
	forge(1, text, 7);
	assert_int_equal(lines_shown(), 1);
	assert_true(was_shown("%s%n%s"));
}

/* ---- more than fits -------------------------------------------------------------------------------- */

/*
 * A guest that causes errors cannot take the room of the panic's own words, nor keep it from being a panic.
 */
static void errors_leave_room_for_the_panic(void **state)
{
	char line[LOG_LINE_MAX];

	memset(line, 'e', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	for (unsigned int i = 0; i < 100; i++)
		note(line);
	panic_mark_record();
	for (unsigned int i = 0; i < 20; i++)
		note("a line of the dump, about as long as those with four registers in them are, one after "
		     "the other");
	note("panic: the last words");
	assert_true(lines_shown() >= 22);
	assert_non_null(strstr(shown[1], "eee")); /* the first errors are there as well */
	assert_true(was_shown("panic: the last words"));
}

/* Lines of every length, until each no longer fits: the sanitizer sees a byte too far. */
static void a_full_page_stays_a_page(void **state)
{
	char line[LOG_LINE_MAX];

	for (unsigned int len = 0; len < LOG_LINE_MAX; len++) {
		memset(line, 'l', len);
		line[len] = '\0';
		panic_mark_record();
		for (unsigned int i = 0; i < TEXT_MAX / (len + 1) + 2; i++)
			note(line);
		for (unsigned int rest = LOG_LINE_MAX; rest--;)
			panic_note_line(LOG_ERROR, line, rest < len ? rest : len);
		if (len >= 80)
			assert_true(lines_shown() >= TEXT_MAX / (len + 1));
		else
			memset(page, 0, PAGE_SIZE);
	}
}

static void the_whole_text_can_be_used(void **state)
{
	char line[LOG_LINE_MAX] = { 0 };

	memset(line, 'w', 253); /* 16 lines of 254 bytes are the 4064 */
	panic_mark_record();
	for (unsigned int i = 0; i < 20; i++)
		note(line);
	assert_int_equal(lines_shown(), 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(a_panic_is_shown_once),
		TEST(errors_alone_are_no_panic),
		TEST(only_errors_are_kept),
		TEST(a_panic_without_a_word_is_a_panic),
		TEST(empty_lines_are_lines),
		TEST(without_a_page_nothing_happens),
		TEST(one_wrong_bit_voids_it),
		TEST(a_length_beyond_the_page_is_not_followed),
		TEST(noise_is_not_shown_and_can_be_written_over),
		TEST(only_one_is_complete),
		TEST(a_text_of_any_shape_stays_in_the_page),
		TEST(errors_leave_room_for_the_panic),
		TEST(a_full_page_stays_a_page),
		TEST(the_whole_text_can_be_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
