// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Asks gdb by a script: pcs as numbers; inlined and tail-called functions have no frame. */
#include "second_opinion.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core_file.h"

static const char script[] = "import gdb\n"
			     "frame = gdb.newest_frame()\n"
			     "while frame is not None:\n"
			     "    if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):\n"
			     "        print('frame %x' % frame.pc())\n"
			     "    frame = frame.older()\n";

static const char command[] =
	"exec gdb -nx -q -batch -iex 'set auto-load off' -iex 'set debuginfod enabled off' "
	"-ex 'set backtrace past-main on' -ex 'set backtrace limit 0' -x %s/frames.py "
	"/proc/%u/exe %s/core 2>/dev/null";

static bool is_code(FILE *maps, uint64_t pc)
{
	unsigned long long start, end;
	char line[4096], flag;

	rewind(maps);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx %*c%*c%c", &start, &end, &flag) == 3 && flag == 'x' &&
		    pc - start < end - start)
			return true;
	return false;
}

/* Where nothing ends a stack, gdb goes on with whatever it finds: not beyond code. */
static void leave_out_data(pid_t tgid, struct second_opinion *opinion)
{
	__cleanup(close_file)
	FILE *maps = NULL;
	char path[64];
	uint32_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", tgid);
	maps = fopen(path, "re");
	while (maps && n < opinion->nr && is_code(maps, opinion->frames[n]))
		n++;
	opinion->nr = n;
}

static int write_script(const char *folder)
{
	__cleanup(close_file)
	FILE *file = NULL;
	char path[256];

	snprintf(path, sizeof(path), "%s/frames.py", folder);
	file = fopen(path, "we");
	return file && fputs(script, file) >= 0 ? 0 : -EIO;
}

static int read_frames(const char *line_of_command, struct second_opinion *opinion)
{
	FILE *gdb = popen(line_of_command, "re");
	unsigned long long pc;
	char line[512];

	if (!gdb)
		return -errno;
	opinion->nr = 0;
	while (fgets(line, sizeof(line), gdb))
		if (sscanf(line, "frame %llx", &pc) == 1 && opinion->nr < TRUTH_FRAMES)
			opinion->frames[opinion->nr++] = pc;
	pclose(gdb);
	return opinion->nr ? 0 : -ENODATA;
}

static int ask_in(const char *folder, const struct stopped *stopped, struct second_opinion *opinion)
{
	char path[256], line[1024];
	int err;

	snprintf(path, sizeof(path), "%s/core", folder);
	snprintf(line, sizeof(line), command, folder, stopped->hit->tgid, folder);
	err = core_file_write(stopped, path);
	err = err ?: write_script(folder);
	err = err ?: read_frames(line, opinion);
	if (!err)
		leave_out_data(stopped->hit->tgid, opinion);
	return err;
}

int second_opinion_ask(const struct stopped *stopped, struct second_opinion *ret_opinion)
{
	char folder[] = "/tmp/seep-truth-XXXXXX", path[256];
	int err;

	if (!mkdtemp(folder))
		return -errno;
	err = ask_in(folder, stopped, ret_opinion);
	snprintf(path, sizeof(path), "%s/core", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/frames.py", folder);
	unlink(path);
	rmdir(folder);
	return err;
}
