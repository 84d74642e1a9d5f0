/* The control port: one line of text in, one line of JSON out, `{"ok":true,...}` or `{"ok":false,"error":"..."}`. */
#ifndef WEIR_PROXY_CONTROL_H
#define WEIR_PROXY_CONTROL_H

#include "tests/support/proxy/link.h"

enum { CONTROL_LINE_BYTES_MAX = 1000 };

struct control {
    struct watch listener;  /* first: the watch is the control */
    struct proxy *proxy;    /* borrowed */
    struct caller *callers; /* owned, a list */
};

WEIR_MUST_USE bool control_open(struct control *control, struct proxy *proxy, uint16_t port, struct err *err);
void control_close(struct control *control);
/* One command, cut up in place; appends its answer without the newline. */
void control_answer(struct proxy *proxy, char *line, struct buf *out);
/* The commands, for --help. */
extern const char control_help[];

#endif
