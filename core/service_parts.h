/* What the parts of service share: not for others. */
#ifndef WEIR_CORE_SERVICE_PARTS_H
#define WEIR_CORE_SERVICE_PARTS_H

#include <stdbool.h>

/* Sends one message ("READY=1") to systemd, without waiting; false when there is none to tell. Any thread. */
bool service_notify(const char *message);

#endif
