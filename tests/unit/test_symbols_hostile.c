// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names from what is not well: damaged files, and servers that do not answer. */
#include "symbol_session.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/hashmap.h"
#include "stack/object.h"

/* Damages a file and names addresses all over it. Any answer will do; none may crash. */
static void name_damaged(const uint8_t *bytes, size_t length, uint64_t text, uint64_t text_size)
{
	const struct debug_search search = { .path = "/nowhere/damaged", .root = -1 };
	int fd = memfd_create("damaged", MFD_CLOEXEC);
	struct debug_frame frames[DEBUG_FRAMES_MAX];
	struct object *object;
	const char *language;
	uint64_t i;

	assert_int_equal(write(fd, bytes, length), length);
	if (object_open(fd, &search, true, &object))
		return;
	for (i = 0; i < text_size; i += 5) {
		object_symbol(object, text + i);
		if (object_debug_info(object))
			debug_info_find(object_debug_info(object), text + i, true, frames,
					&language);
	}
	object_free(object);
}

static uint64_t next_random(uint64_t *state)
{
	return hash_mix(*state += 0x9e3779b97f4a7c15ULL);
}

static void test_damaged(void **state)
{
	uint64_t random = 1, outer;
	uint8_t *bytes, *copy;
	struct stat status;
	size_t length, i, k;
	FILE *file;

	(void)state;
	write_source("d.c", C_SOURCE);
	run_command("cc -g -O2 -o d d.c");
	outer = symbol_value("d", "outer");
	assert_int_equal(stat(in_folder("d"), &status), 0);
	length = (size_t)status.st_size;
	bytes = malloc(length);
	copy = malloc(length);
	file = fopen(in_folder("d"), "r");
	assert_int_equal(fread(bytes, 1, length, file), length);
	fclose(file);
	for (i = 0; i < 600; i++) {
		size_t nr = 1 + next_random(&random) % 20, kept = length;

		memcpy(copy, bytes, length);
		/* most of it in the headers, where it does most, and in the last part */
		for (k = 0; k < nr; k++)
			copy[i % 3   ? next_random(&random) % length
			     : i % 2 ? next_random(&random) % 1024
				     : length - 1 - next_random(&random) % 4096] =
				(uint8_t)next_random(&random);
		if (i % 5 == 0)
			kept = next_random(&random) % length;
		name_damaged(copy, kept, outer, 80);
	}
	free(bytes);
	free(copy);
}

/* Listens on a port of this machine only; a server of debug files that has none. */
static int listen_locally(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) || listen(fd, 8) ||
	    getsockname(fd, (struct sockaddr *)&address, &length))
		return -1;
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* Serves one request, with "404 Not Found". */
static void serve_nothing(int to_test, void *data)
{
	static const char answer[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
				     "Connection: close\r\n\r\n";
	int listener = *(int *)data, connection;
	char request[4096];
	uint64_t length;

	fcntl(listener, F_SETFL, 0);
	connection = accept(listener, NULL, NULL);
	length = (uint64_t)read(connection, request, sizeof(request));
	if (write(connection, answer, strlen(answer)) < 0 ||
	    write(to_test, &length, sizeof(length)) < 0)
		_exit(1);
	close(connection);
}

/* Servers are asked when that is wanted, and never otherwise. */
static void test_debuginfod(void **state)
{
	struct symbolizer_options options = { .debuginfod = true };
	struct session session;
	struct still_process server;
	uint64_t hidden, request;
	char url[64];
	int port, listener = listen_locally(&port);

	(void)state;
	if (listener < 0)
		skip();
	write_source("n.c", C_SOURCE);
	run_command("cc -g -O2 -Wl,--build-id=sha1 -o full n.c && strip -o n full");
	hidden = symbol_value("full", "hidden");
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", in_folder("cache"), 1);
	setenv("DEBUGINFOD_TIMEOUT", "5", 1);
	session = open_session("n", NULL);
	assert_string_equal(function_at(&session, hidden), "(none)");
	assert_int_equal(accept(listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	close_session(&session);
	if (dlopen("libdebuginfod.so.1", RTLD_LAZY)) {
		server = start_still(serve_nothing, &listener);
		session = open_session("n", &options);
		assert_string_equal(function_at(&session, hidden), "(none)");
		read_words(&server, &request, 1);
		assert_true(request > 0);
		close_session(&session);
		end_still(&server);
	}
	unsetenv("DEBUGINFOD_URLS");
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_debuginfod),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}
