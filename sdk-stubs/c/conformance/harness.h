/* What the parts of the harness share. */
#ifndef HARNESS_H
#define HARNESS_H

#include "conformance.pb-c.h"
#include "saga/saga.h"

void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t note_count(void);
char *note_copy(size_t index);

/* The payload that a value means; points into the value. */
saga_payload from_value(const Saga__Conformance__Value *value);

void run_program(saga_activity *activity, void *context);
void run_undo(saga_activity *activity, void *context);
void run_echo(saga_activity *activity, void *context);

/* BENCH: all of it, the median and the 99th percentile in microseconds. `where` is HOST:PORT, a line feed and the authorities. */
saga_result measure(saga_client *client, const char *where, const Saga__Conformance__Action *action, double found[3],
    saga_error *error);

#endif
