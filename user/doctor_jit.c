// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "doctor_jit.h"

#include <stdio.h>

#include "stack/jit_process.h"

enum { COMMAND_FOR_MAP = 17 }; /* the first Java whose jcmd has Compiler.perfmap */

static void show_hotspot(pid_t pid, const struct jit_process *process)
{
	if (process->release)
		printf("  Java %u (HotSpot)\n", process->release);
	else
		puts("  Java (HotSpot)");
	if (process->frame_pointers)
		puts("    stacks are whole: compiled code keeps frame pointers");
	else
		puts("    most stacks end at the first compiled Java function: started with "
		     "-XX:+PreserveFramePointer (on its command line or in JAVA_TOOL_OPTIONS) "
		     "they would be whole");
	if (process->has_map)
		puts("    Java functions have names from its perf map; what was compiled since it "
		     "was written has none");
	else if (process->release >= COMMAND_FOR_MAP || !process->release)
		printf("    Java functions have no names: 'jcmd %d Compiler.perfmap' writes "
		       "them%s\n",
		       pid, process->release ? "" : " (from Java 17 on)");
	else
		puts("    Java functions have no names: this needs Java 17 or later, or an agent "
		     "that writes a perf map");
	if (!process->has_map && !process->map_asked && process->release >= COMMAND_FOR_MAP)
		puts("    -XX:+DumpPerfMapAtExit writes them at its end, for a trace that ends "
		     "with it");
}

static void show_node(const struct jit_process *process)
{
	puts("  node (V8)\n    stacks are whole: compiled code keeps frame pointers");
	if (process->has_map || process->has_dump)
		printf("    JavaScript functions have names from its %s\n",
		       process->has_dump ? "jitdump file" : "perf map");
	else
		puts("    JavaScript functions have no names: started with --perf-basic-prof (on "
		     "its command line or in NODE_OPTIONS) they would have");
	if (!process->interpreted_frames)
		puts("    functions that are interpreted look all alike: with "
		     "--interpreted-frames-native-stack they would not");
}

void doctor_show_jit(pid_t pid)
{
	struct jit_process process;

	if (jit_process_read(pid, &process))
		return;
	if (process.runtime == JIT_HOTSPOT)
		show_hotspot(pid, &process);
	else if (process.runtime == JIT_NODE)
		show_node(&process);
}
