#pragma once
/*
 * Memory for one message: taken piece by piece, given back as a whole, never beyond a budget.
 *
 * protobuf-c unpacks into many small allocations, and a small hostile message can ask for a hundred times its size.
 * Here a piece costs a pointer bump, and the budget ends the attack.
 */
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct saga_chunk;

typedef struct saga_arena {
    uint8_t *next;              /* first free byte of the current chunk */
    uint8_t *end;               /* end of the current chunk */
    size_t left;                /* what the budget still allows beyond the current chunk */
    struct saga_chunk *chunks;  /* chunks that were added, newest first */
    int is_own;                 /* 1: the thread's own arena; 0: made for this use */
    int refused;                /* 1: something was asked for beyond the budget */
} saga_arena;

/* The calling thread's arena, or a new one while that is in use; NULL if there is no memory. */
saga_arena *saga_arena_acquire(size_t budget);

/* Gives everything back that was taken from it. */
void saga_arena_release(saga_arena *arena);

/* `size` bytes from a new chunk; NULL beyond the budget. Use saga_arena_take. */
void *saga_arena_grow(saga_arena *arena, size_t size);

/* `size` bytes, aligned to 8, not cleared; NULL beyond the budget. */
static inline void *saga_arena_take(saga_arena *arena, size_t size) {
    size_t rounded = (size + 7) & ~(size_t)7;
    if (rounded >= size && rounded <= (size_t)(arena->end - arena->next)) {
        void *piece = arena->next;
        arena->next += rounded;
        return piece;
    }
    return saga_arena_grow(arena, size);
}

/* protobuf_c_message_unpack into the arena; NULL if the bytes are malformed or the budget is spent. */
ProtobufCMessage *saga_arena_unpack(
    saga_arena *arena, const ProtobufCMessageDescriptor *descriptor, size_t size, const uint8_t *bytes);
