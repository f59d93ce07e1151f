/* The worker and its attempts; everything is guarded by the worker's lock. */
#ifndef SAGA_WORKER_H
#define SAGA_WORKER_H

#include "internal.h"
#include "saga/saga.h"

/* Something to send. Reports stay until they are acknowledged. */
typedef struct outgoing {
    struct outgoing *next;
    Saga__V1__WorkerItem *item;
    ProtobufCBinaryData token; /* Of a report; points into the item. */
    bool is_report;
    bool queued;
    bool sending;
    bool done;
} outgoing;

typedef struct registered {
    struct registered *next;
    const char *name;
    saga_activity_function function;
    void *context;
} registered;

struct saga_activity {
    saga_activity *next;
    saga_worker *worker;
    Saga__V1__ServerItem *held; /* The task is part of it. */
    Saga__V1__ActivityTask *task;
    saga_payload input;
    saga_payload details;
    saga_undo undo;
    bool has_undo;
    bool cancel_requested;
    int64_t deadline; /* When the attempt has no more time; 0 = never. */
    int64_t gap;
    int64_t last_beat;
    bool beat_due;
    Saga__V1__Payload *beat_details;
    Saga__V1__Payload *undo_data;
    Saga__V1__WorkerItem *report;
};

struct saga_worker {
    saga_client *client;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    registered *activities;
    saga_activity *runs;
    size_t running;
    size_t threads; /* That have not ended. */
    outgoing *items;
    bool stopping;
    bool serving;
    bool stream_over;
    bool server_drains;
    bool tokens_refused;
    char **queues;
    size_t n_queues;
    uint32_t places;
    uint32_t drain_timeout;
    char *identity;
    void (*log)(void *, const char *);
    void *log_context;
};

/* A copy of an item that lives on the heap. */
Saga__V1__WorkerItem *copy_item(const Saga__V1__WorkerItem *from);
/* Queues an item and takes it over; the lock is held. */
void put(saga_worker *w, Saga__V1__WorkerItem *item, bool is_report, const ProtobufCBinaryData *token);
/* Runs an attempt to its report. A thread's function. */
void *run_activity(void *argument);
void free_activity(saga_activity *a);

#endif
