/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A place in the source, handed to whoever wants to remember it: the lock checker, the list of a device's
 * holders. Debug builds carry "file:line"; in release builds the type is empty, so passing one costs nothing.
 *
 * A function that remembers its caller is named NAME_at(), takes a code_site last, and has a macro NAME()
 * that supplies HERE.
 */
#ifndef CORE_SITE_H
#define CORE_SITE_H

#ifdef FL_DEBUG
struct code_site {
	const char *text;
};
#define CODE_SITE_TEXT_(line) #line
#define CODE_SITE_TEXT(line) CODE_SITE_TEXT_(line)
#define HERE ((struct code_site){ __FILE__ ":" CODE_SITE_TEXT(__LINE__) })
#else
struct code_site {
};
#define HERE ((struct code_site){})
#endif

#endif
