/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text for the log. The formats are listed in core/log.h; anything else is copied out as it
 * stands, so that a slip is seen in the log and is never a crash. No floating point: Fairlead must not
 * touch the guest's registers for it.
 */
#include "core/log.h"
#include "core/string.h"

struct out {
	char *buf;
	size_t size;
	size_t length; /* of the whole text, as if size were endless */
};

struct spec {
	bool left, zero;
	unsigned int width;
	int precision; /* -1: none */
	unsigned int longs; /* 0 int, 1 long, 2 long long; size_t counts as long */
	unsigned int shorts; /* 1 short, 2 char */
};

static void put(struct out *o, char c)
{
	if (o->length + 1 < o->size)
		o->buf[o->length] = c;
	o->length++;
}

static void pad(struct out *o, char c, size_t have, unsigned int width)
{
	for (; have < width; have++)
		put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *text)
{
	size_t n = 0;

	if (!text)
		text = "(null)";
	while (text[n] && (s->precision < 0 || n < (size_t)s->precision))
		n++;
	if (!s->left)
		pad(o, ' ', n, s->width);
	for (size_t i = 0; i < n; i++)
		put(o, text[i]);
	if (s->left)
		pad(o, ' ', n, s->width);
}

static void put_number(struct out *o, const struct spec *s, u64 value, unsigned int base, bool negative, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24];
	size_t n = 0, shown;

	do {
		text[n++] = digits[value % base];
		value /= base;
	} while (value);
	shown = n + (negative ? 1 : 0);
	if (!s->left && !s->zero)
		pad(o, ' ', shown, s->width);
	if (negative)
		put(o, '-');
	if (!s->left && s->zero)
		pad(o, '0', shown, s->width);
	while (n)
		put(o, text[--n]);
	if (s->left)
		pad(o, ' ', shown, s->width);
}

static u64 next_unsigned(const struct spec *s, va_list *ap)
{
	if (s->longs == 2)
		return va_arg(*ap, unsigned long long);
	if (s->longs == 1)
		return va_arg(*ap, unsigned long);
	if (s->shorts == 2)
		return (unsigned char)va_arg(*ap, unsigned int);
	if (s->shorts == 1)
		return (unsigned short)va_arg(*ap, unsigned int);
	return va_arg(*ap, unsigned int);
}

static s64 next_signed(const struct spec *s, va_list *ap)
{
	if (s->longs == 2)
		return va_arg(*ap, long long);
	if (s->longs == 1)
		return va_arg(*ap, long);
	if (s->shorts == 2)
		return (signed char)va_arg(*ap, int);
	if (s->shorts == 1)
		return (short)va_arg(*ap, int);
	return va_arg(*ap, int);
}

static unsigned int parse_number(const char **fmt)
{
	unsigned int n = 0;

	for (; **fmt >= '0' && **fmt <= '9'; ++*fmt) {
		if (n < 1000)
			n = n * 10 + (unsigned int)(**fmt - '0');
	}
	return n;
}

/* Flags, width, precision and length, in that order (C17 7.21.6.1). */
static struct spec parse_spec(const char **fmt, va_list *ap)
{
	struct spec s = { .precision = -1 };

	for (;; ++*fmt) {
		if (**fmt == '-')
			s.left = true;
		else if (**fmt == '0')
			s.zero = true;
		else
			break;
	}
	s.width = parse_number(fmt);
	if (**fmt == '.') {
		++*fmt;
		if (**fmt == '*') {
			++*fmt;
			s.precision = va_arg(*ap, int);
		} else {
			s.precision = (int)parse_number(fmt);
		}
	}
	for (;; ++*fmt) {
		if (**fmt == 'l' || **fmt == 'z')
			s.longs++;
		else if (**fmt == 'h')
			s.shorts++;
		else
			break;
	}
	return s;
}

/* One conversion; false: unknown. */
static bool convert(struct out *o, const struct spec *s, char kind, va_list *ap)
{
	char c[2] = { 0 };
	s64 value;

	switch (kind) {
	case 'd':
	case 'i':
		value = next_signed(s, ap);
		put_number(o, s, value < 0 ? 0 - (u64)value : (u64)value, 10, value < 0, false);
		return true;
	case 'u':
		put_number(o, s, next_unsigned(s, ap), 10, false, false);
		return true;
	case 'x':
	case 'X':
		put_number(o, s, next_unsigned(s, ap), 16, false, kind == 'X');
		return true;
	case 'p':
		put(o, '0');
		put(o, 'x');
		put_number(o, s, (u64)(uintptr_t)va_arg(*ap, void *), 16, false, false);
		return true;
	case 's':
		put_text(o, s, va_arg(*ap, const char *));
		return true;
	case 'c':
		c[0] = (char)va_arg(*ap, int);
		put_text(o, s, c);
		return true;
	default:
		return false;
	}
}

int fl_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };
	va_list args;

	va_copy(args, ap);
	for (; *fmt; fmt++) {
		const char *start = fmt;
		struct spec s;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt++;
		s = parse_spec(&fmt, &args);
		if (*fmt == '%') {
			put(&o, '%');
		} else if (!convert(&o, &s, *fmt, &args)) {
			while (start < fmt)
				put(&o, *start++);
			if (!*fmt)
				break;
			put(&o, *fmt);
		}
	}
	va_end(args);
	if (size)
		buf[o.length < size ? o.length : size - 1] = '\0';
	return (int)o.length;
}

int fl_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = fl_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
