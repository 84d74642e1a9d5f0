/* Threads that a process cannot do without. */
#ifndef WEIR_CORE_THREAD_H
#define WEIR_CORE_THREAD_H

#include <pthread.h>

/* Begins `run(arg)` on a joinable thread. Where the machine gives none (no memory for its stack, or too many tasks) the
 * process ends with 1 and a sentence that names `what` the thread is for: a caller could only go on with a part of its
 * work. */
void thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg, const char *what);

#endif
