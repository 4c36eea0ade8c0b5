// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Allocates in libLLVM, which its first argument names, for ever: modules that are never given
 * back. */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	void *llvm = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
	void *(*create)(const char *name) = llvm ? dlsym(llvm, "LLVMModuleCreateWithName") : NULL;

	if (!create) {
		puts("no libLLVM");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		create("kept");
		usleep(1000);
	}
}
