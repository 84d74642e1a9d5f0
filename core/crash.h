/* Named crash points: places where a test may end the process as a power cut would, to prove that nothing depends on
 * what comes after.
 *
 *     static const char *const points[] = {"worker.after_begin", "worker.before_commit"};
 *     crash_start(argc, argv, points, 2);          first thing in main()
 *     CRASH_POINT("worker.before_commit");         WEIR_CRASH_AT=worker.before_commit:3 ends the process by SIGKILL
 *                                                  at the third passing
 *
 * WEIR_STOP_AT, in the same form, stops the process there by SIGSTOP instead: SIGCONT lets it go on, as a process that
 * was asleep for long. WEIR_FAIL_AT chooses a FAIL_POINT, where the program itself then makes a failure that no server
 * can be brought to make. Compiled only with WEIR_CRASH_POINTS; without it the points are nothing at all, and asking
 * for one is an error instead of a silent pass.
 */
#ifndef WEIR_CORE_CRASH_H
#define WEIR_CORE_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRASH_NAME_BYTES_MAX = 63 };

/* Once, by main(), before any other thread. `names` is borrowed for the process's life. Answers `--crash-points`
 * (prints one name a line, exit 0), reads WEIR_CRASH_AT=name[:count] (count 1 if it is left out) or one of the others,
 * and ends the process with 2 when that name is not in the list or no points are compiled in. */
void crash_start(int argc, char **argv, const char *const *names, size_t count);

/* Splits "name:count"; false when the name is empty or too long, or the count is not 1..2^31-1. Pure. */
_Bool crash_parse(const char *text, char ret_name[CRASH_NAME_BYTES_MAX + 1], uint32_t *ret_count);

/* Any thread. Ends or stops the process when it is the chosen point's chosen passing, or answers true when that passing
 * is to fail; asserts that the name is in the list of crash_start (if that was called). */
bool crash_point(const char *name);

#ifdef WEIR_CRASH_POINTS
#define CRASH_POINT(name) ((void)crash_point(name))
#define FAIL_POINT(name)  crash_point(name)
#else
#define CRASH_POINT(name) ((void)0)
#define FAIL_POINT(name)  false
#endif

#endif
