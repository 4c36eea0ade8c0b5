// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Prints the offsets of user/python/layout.c as one CPython's headers have them, a line
 * `field value` each; what that version does not have is left out:
 *
 *	cc -I$INCLUDE -I$INCLUDE/internal -o offsets tools/python_offsets.c && ./offsets
 *
 * with INCLUDE the folder of Python.h, of a build without Py_DEBUG. 2.7 and 3.6 have the
 * collector's structures in a source file, not in a header.
 */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <frameobject.h>
#include <stddef.h>
#include <stdio.h>

#define SINCE(minor) (PY_VERSION_HEX >= 0x03000000 + ((minor) << 16))

#if SINCE(9)
#include <internal/pycore_gc.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>
#elif SINCE(8)
#include <internal/pycore_pymem.h>
#include <internal/pycore_pystate.h>
#elif SINCE(7)
#include <internal/mem.h>
#include <internal/pystate.h>
#endif
#if SINCE(14)
#include <internal/pycore_interpframe_structs.h>
#elif SINCE(11)
#include <internal/pycore_frame.h>
#endif

static void put(const char *field, size_t value)
{
	printf("%s %zu\n", field, value);
}

#define PUT(field, type, member) put(field, offsetof(type, member))

static void put_collector(void)
{
	put("gc_head", sizeof(PyGC_Head));
#if SINCE(7)
	put("generation", sizeof(struct gc_generation));
	PUT("gc_enabled", struct _gc_runtime_state, enabled);
	PUT("gc_generations", struct _gc_runtime_state, generations);
	PUT("gc_permanent", struct _gc_runtime_state, permanent_generation);
	PUT("gc_stats", struct _gc_runtime_state, generation_stats);
	PUT("gc_collecting", struct _gc_runtime_state, collecting);
	PUT("gc_garbage", struct _gc_runtime_state, garbage);
	put("stats_size", sizeof(struct gc_generation_stats));
	PUT("stats_collections", struct gc_generation_stats, collections);
#endif
}

static void put_interpreter(void)
{
	PUT("interpreter_next", PyInterpreterState, next);
	PUT("interpreter_sysdict", PyInterpreterState, sysdict);
	PUT("interpreter_builtins", PyInterpreterState, builtins);
#if SINCE(7)
	PUT("runtime_interpreters", _PyRuntimeState, interpreters.head);
#endif
#if SINCE(9)
	PUT("interpreter_gc", PyInterpreterState, gc);
#elif SINCE(7)
	PUT("runtime_gc", _PyRuntimeState, gc);
#endif
#if SINCE(11)
	PUT("interpreter_threads", PyInterpreterState, threads.head);
#else
	PUT("interpreter_threads", PyInterpreterState, tstate_head);
#endif
#if SINCE(12)
	PUT("interpreter_modules", PyInterpreterState, imports.modules);
#else
	PUT("interpreter_modules", PyInterpreterState, modules);
#endif
}

static void put_thread(void)
{
	PUT("thread_next", PyThreadState, next);
	PUT("thread_id", PyThreadState, thread_id);
	PUT("thread_dict", PyThreadState, dict);
#if SINCE(13)
	PUT("thread_frame", PyThreadState, current_frame);
#elif SINCE(11)
	PUT("thread_cframe", PyThreadState, cframe);
	PUT("cframe_frame", _PyCFrame, current_frame);
#else
	PUT("thread_frame", PyThreadState, frame);
#endif
}

#if SINCE(11)
static void put_frame(void)
{
	PUT("frame_back", _PyInterpreterFrame, previous);
	PUT("frame_globals", _PyInterpreterFrame, f_globals);
	PUT("frame_locals", _PyInterpreterFrame, f_locals);
	PUT("frame_localsplus", _PyInterpreterFrame, localsplus);
	PUT("frame_owner", _PyInterpreterFrame, owner);
#if SINCE(13)
	PUT("frame_code", _PyInterpreterFrame, f_executable);
	PUT("frame_instruction", _PyInterpreterFrame, instr_ptr);
#else
	PUT("frame_code", _PyInterpreterFrame, f_code);
	PUT("frame_instruction", _PyInterpreterFrame, prev_instr);
#endif
#if SINCE(14)
	PUT("frame_stack", _PyInterpreterFrame, stackpointer);
#else
	PUT("frame_stack", _PyInterpreterFrame, stacktop);
#endif
}
#else
static void put_frame(void)
{
	PUT("frame_back", PyFrameObject, f_back);
	PUT("frame_code", PyFrameObject, f_code);
	PUT("frame_globals", PyFrameObject, f_globals);
	PUT("frame_locals", PyFrameObject, f_locals);
	PUT("frame_instruction", PyFrameObject, f_lasti);
	PUT("frame_localsplus", PyFrameObject, f_localsplus);
}
#endif

static void put_code(void)
{
	PUT("code_filename", PyCodeObject, co_filename);
	PUT("code_name", PyCodeObject, co_name);
	PUT("code_firstlineno", PyCodeObject, co_firstlineno);
#if SINCE(10)
	PUT("code_lines", PyCodeObject, co_linetable);
#else
	PUT("code_lines", PyCodeObject, co_lnotab);
#endif
#if SINCE(11)
	PUT("code_qualname", PyCodeObject, co_qualname);
	PUT("code_adaptive", PyCodeObject, co_code_adaptive);
	PUT("code_nlocals", PyCodeObject, co_nlocalsplus);
	PUT("code_local_names", PyCodeObject, co_localsplusnames);
#else
	PUT("code_nlocals", PyCodeObject, co_nlocals);
	PUT("code_local_names", PyCodeObject, co_varnames);
#endif
}

static void put_objects(void)
{
	PUT("tuple_items", PyTupleObject, ob_item);
	put("dict_size", sizeof(PyDictObject));
#if SINCE(0)
	put("text_data", sizeof(PyASCIIObject));
	PUT("type_cached_keys", PyHeapTypeObject, ht_cached_keys);
	PUT("type_qualname", PyHeapTypeObject, ht_qualname);
#else
	PUT("text_data", PyStringObject, ob_sval);
#endif
#if SINCE(9)
	PUT("type_module", PyHeapTypeObject, ht_module);
#endif
}

int main(void)
{
	printf("version %s\n", PY_VERSION);
	put_collector();
	put_interpreter();
	put_thread();
	put_frame();
	put_code();
	put_objects();
	return 0;
}
