// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the terminal, by ncurses. Whatever ends seep, the terminal must be as it was: exit(3)
 * closes the screen, and a fault, which cannot be survived, writes what was prepared for it with
 * nothing but write(2) and tcsetattr(3). Meanwhile stderr is kept from the screen, and shown
 * afterwards. Must not know what is shown.
 */
#include "top/screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

enum { ESCAPE_MS = 50, RESTORE_BYTES = 256, SEQUENCE_MOST = 16, CONTROL_L = 12 };

static SCREEN *screen;
static bool coloured, utf8;
static struct termios before;
static char restore[RESTORE_BYTES]; /* leaves the screen, without ncurses */
static size_t restore_length;
static int kept_stderr = -1, said = -1; /* where stderr goes, and what is kept of it meanwhile */

static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT };

static void on_fault(int signal)
{
	ssize_t written = write(STDOUT_FILENO, restore, restore_length);

	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	if (kept_stderr >= 0 && written >= 0)
		dup2(kept_stderr, STDERR_FILENO);
	/* SA_RESETHAND: this time it kills. */
	raise(signal);
}

static void add_restoring(const char *capability)
{
	/* Padding, which old terminals want, is left out. */
	const char *text = tigetstr(capability);
	size_t length;

	if (!text || text == (const char *)-1)
		return;
	length = strcspn(text, "$");
	if (restore_length + length > sizeof(restore))
		return;
	memcpy(restore + restore_length, text, length);
	restore_length += length;
}

static void prepare_for_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND };

	restore_length = 0;
	add_restoring("sgr0");
	add_restoring("rmcup");
	add_restoring("cnorm");
	add_restoring("rmkx");
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigaction(faults[i], &action, NULL);
}

static void forget_faults(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		signal(faults[i], SIG_DFL);
}

/* Only when it would go to the screen. */
static void keep_stderr(void)
{
	if (!isatty(STDERR_FILENO))
		return;
	said = memfd_create("stderr", MFD_CLOEXEC);
	kept_stderr = said >= 0 ? dup(STDERR_FILENO) : -1;
	if (kept_stderr >= 0)
		dup2(said, STDERR_FILENO);
}

static void give_stderr_back(void)
{
	char text[4096];
	ssize_t length;

	if (kept_stderr >= 0) {
		fflush(stderr);
		dup2(kept_stderr, STDERR_FILENO);
		lseek(said, 0, SEEK_SET);
		while ((length = read(said, text, sizeof(text))) > 0)
			if (write(STDERR_FILENO, text, (size_t)length) < 0)
				break;
		close(kept_stderr);
	}
	if (said >= 0)
		close(said);
	said = kept_stderr = -1;
}

static void set_up_colours(bool wanted)
{
	coloured = wanted && has_colors() && start_color() == OK;
	if (!coloured)
		return;
	use_default_colors();
	init_pair(CANVAS_BAD, COLOR_RED, -1);
	init_pair(CANVAS_WARNING, COLOR_YELLOW, -1);
	init_pair(CANVAS_GOOD, COLOR_GREEN, -1);
}

int screen_open(bool colour)
{
	static bool closes_at_exit;
	const char *cursor;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before))
		return -ENOTTY;
	setlocale(LC_CTYPE, "");
	utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (!getenv("TERM") || !*getenv("TERM"))
		return -ENXIO;
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return -ENXIO;
	cursor = tigetstr("cup");
	if (!cursor || cursor == (const char *)-1) {
		endwin();
		delscreen(screen);
		screen = NULL;
		return -EOPNOTSUPP;
	}
	prepare_for_faults();
	if (!closes_at_exit && atexit(screen_close) == 0)
		closes_at_exit = true;
	keep_stderr();
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	set_up_colours(colour);
	return 0;
}

void screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
	forget_faults();
	give_stderr_back();
}

int screen_width(void)
{
	return getmaxx(stdscr);
}

int screen_height(void)
{
	return getmaxy(stdscr);
}

bool screen_utf8(void)
{
	return utf8;
}

/* Without colours what is bad is bold, and nothing is lost: words say it too. */
static attr_t attributes_of(uint8_t style, short *pair)
{
	*pair = coloured && (style == CANVAS_BAD || style == CANVAS_WARNING || style == CANVAS_GOOD)
			? style
			: 0;
	switch (style) {
	case CANVAS_BOLD:
	case CANVAS_BAD:
		return A_BOLD;
	case CANVAS_DIM:
		return coloured ? A_DIM : A_NORMAL;
	case CANVAS_BAR:
		return A_REVERSE;
	case CANVAS_CHOSEN:
		return A_REVERSE | A_BOLD;
	default:
		return A_NORMAL;
	}
}

static void show_line(const struct canvas_cell *cells, int line, int width)
{
	for (int column = 0; column < width; column++) {
		wchar_t text[2] = { (wchar_t)cells[column].character, L'\0' };
		cchar_t shown;
		short pair;
		attr_t attributes;

		if (!cells[column].width)
			continue;
		attributes = attributes_of(cells[column].style, &pair);
		if (setcchar(&shown, text, attributes, pair, NULL) == OK)
			mvadd_wch(line, column, &shown);
	}
}

void screen_show(const struct canvas *canvas)
{
	erase();
	for (int line = 0; line < canvas_height(canvas); line++)
		show_line(canvas_line(canvas, line), line, canvas_width(canvas));
	refresh();
}

static bool translate(wint_t code, enum top_key *ret_key)
{
	static const struct {
		wint_t code;
		enum top_key key;
	} keys[] = {
		{ KEY_UP, KEY_GO_UP },	       { KEY_DOWN, KEY_GO_DOWN },
		{ KEY_PPAGE, KEY_GO_PAGE_UP }, { KEY_NPAGE, KEY_GO_PAGE_DOWN },
		{ KEY_HOME, KEY_GO_FIRST },    { KEY_END, KEY_GO_LAST },
		{ KEY_FIND, KEY_GO_FIRST },    { KEY_SELECT, KEY_GO_LAST },
		{ KEY_ENTER, KEY_IS_ENTER },   { KEY_BACKSPACE, KEY_IS_ERASE },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].code == code) {
			*ret_key = keys[i].key;
			return true;
		}
	return false;
}

static bool put_character(wint_t c, char text[8])
{
	mbstate_t state = { 0 };
	size_t length = wcrtomb(text, (wchar_t)c, &state);

	if (length == (size_t)-1 || length > 7)
		return false;
	text[length] = '\0';
	return true;
}

/*
 * What follows an escape at once is a key that the terminal's description lacks, up to its last
 * letter or "~" (ECMA-48, 5.4): it must not be taken for Escape and letters. False: Escape alone.
 */
static bool skip_sequence(enum top_key *ret_key, bool *ret_known)
{
	wint_t c, first = 0;

	if (get_wch(&c) != OK)
		return false;
	if (c != '[' && c != 'O') {
		unget_wch((wchar_t)c);
		return false;
	}
	for (int i = 0; i < SEQUENCE_MOST && get_wch(&c) == OK; i++) {
		if (c >= '@' && c <= '~')
			break;
		first = first ? first : c;
	}
	*ret_known = true;
	if (c == 'H' || (c == '~' && (first == '1' || first == '7')))
		*ret_key = KEY_GO_FIRST;
	else if (c == 'F' || (c == '~' && (first == '4' || first == '8')))
		*ret_key = KEY_GO_LAST;
	else if (c >= 'A' && c <= 'B' && !first)
		*ret_key = c == 'A' ? KEY_GO_UP : KEY_GO_DOWN;
	else if (c == '~' && (first == '5' || first == '6'))
		*ret_key = first == '5' ? KEY_GO_PAGE_UP : KEY_GO_PAGE_DOWN;
	else
		*ret_known = false;
	return true;
}

static enum screen_event read_escape(enum top_key *ret_key)
{
	bool known;

	if (skip_sequence(ret_key, &known))
		return known ? SCREEN_KEY : SCREEN_NOISE;
	*ret_key = KEY_IS_ESCAPE;
	return SCREEN_KEY;
}

enum screen_event screen_read(enum top_key *ret_key, char text[8])
{
	wint_t c;

	*text = '\0';
	switch (get_wch(&c)) {
	case KEY_CODE_YES:
		if (c == KEY_RESIZE)
			return SCREEN_RESIZED;
		return translate(c, ret_key) ? SCREEN_KEY : SCREEN_NOISE;
	case OK:
		break;
	default:
		return SCREEN_NOTHING;
	}
	if (c == CONTROL_L) {
		/* Something else wrote to the terminal: all is drawn anew. */
		clearok(curscr, TRUE);
		return SCREEN_NOISE;
	}
	if (c == 27)
		return read_escape(ret_key);
	*ret_key = c == '\r' || c == '\n' ? KEY_IS_ENTER
		   : c == 8 || c == 127	  ? KEY_IS_ERASE
					  : KEY_IS_TEXT;
	if (*ret_key != KEY_IS_TEXT)
		return SCREEN_KEY;
	return c >= ' ' && put_character(c, text) ? SCREEN_KEY : SCREEN_NOISE;
}
