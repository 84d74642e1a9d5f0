/* The life of a service process: start, ready, drain, exit.
 *
 *     service_start("weir-ingest", drain_ms)     signals are blocked and taken by one thread; call before any other
 *                                                thread starts
 *     service_part("redis") / service_part_set   readiness: the service is ready when every part is and no stop has
 *                                                come. Declare every part before setting the first: the first time
 *                                                that all are ready is told to systemd (READY=1)
 *     service_wait()                             blocks until SIGTERM or SIGINT
 *     service_drain_step("kafka flush")          what the drain is at, for the sentence below
 *     service_finish(drained)                    the exit code; past the deadline the process ends itself with 1 and
 *                                                says what hung
 *
 * Exit codes: 0 drained inside the deadline; 1 not drained, past the deadline, or stopped by service_stop (so that a
 * supervisor starts it again).
 */
#ifndef WEIR_CORE_SERVICE_H
#define WEIR_CORE_SERVICE_H

#include "core/buf.h"
#include "core/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { SERVICE_PARTS_MAX = 80, SERVICE_WHY_BYTES_MAX = 500 };

struct service_part; /* one named thing that must be there for the service to be ready */

/* Once a process, by main(), after config and log, before any thread. `name` is borrowed for the process's life. Also
 * ignores SIGPIPE. */
WEIR_MUST_USE bool service_start(const char *name, int64_t drain_ms, struct err *err);
const char *service_name(void);

/* Not ready at first; same name, same part; lives as long as the process; `name` is borrowed. Any thread. */
struct service_part *service_part(const char *name);
/* `why` (may be NULL) is copied; logs each change once; cheap when nothing changes. Any thread. */
void service_part_set(struct service_part *part, bool ready, const char *why);
/* What a part that is ready does now, shown behind its "ok"; "": nothing. Copied; cheap when nothing changes. Any
 * thread. */
void service_part_note(struct service_part *part, const char *note);
/* A part that is away, and its service goes on without it: ready still, with a note that says since when, what is done
 * meanwhile and `why`; the begin and the end are logged. `meanwhile` NULL: it is there (again). Any thread. */
void service_part_away(struct service_part *part, const char *meanwhile, const char *why);
bool service_ready(void);
/* Appends one line a part: "[+] redis ok" / "[+] stock ok: leads" / "[-] redis: connection refused", as Kubernetes'
 * ?verbose prints it; "[-] stopping" in a drain. */
void service_ready_text(struct buf *ret_text);

bool service_stopping(void); /* SIGTERM has come; any thread, one relaxed read */
int service_stop_fd(void);   /* readable for ever once it has come; for poll loops */
/* As if SIGTERM had come, but the exit code will be 1: for a fatal error inside. Any thread. */
void service_stop(const char *why);
void service_wait(void);
void service_drain_step(const char *what); /* borrowed for the process's life; any thread */
int64_t service_drain_left_ms(void);       /* until the deadline, 0 past it; the whole of drain_ms before the stop */
WEIR_MUST_USE int service_finish(bool drained);

#endif
