#include "saga_arena.h"

#include <stdlib.h>

/* Under the address sanitizer each piece is a chunk of its own, so that it sees every overrun. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SAGA_FIRST 0
#endif
#endif
#ifndef SAGA_FIRST
#define SAGA_FIRST 16384
#endif
#define SAGA_CHUNK (SAGA_FIRST * 4)

struct saga_chunk {
    struct saga_chunk *older;
    _Alignas(8) uint8_t bytes[];
};

/* Untouched pages of it cost no memory. */
static _Thread_local struct {
    saga_arena arena;
    int busy;
    _Alignas(8) uint8_t first[SAGA_FIRST + 8];
} own;

saga_arena *saga_arena_acquire(size_t budget) {
    saga_arena *arena;
    if (!own.busy) {
        own.busy = 1;
        arena = &own.arena;
        arena->is_own = 1;
        arena->next = own.first;
    } else {
        arena = malloc(sizeof *arena + SAGA_FIRST);
        if (arena == NULL) return NULL;
        arena->is_own = 0;
        arena->next = (uint8_t *)(arena + 1);
    }
    size_t first = budget < SAGA_FIRST ? budget & ~(size_t)7 : SAGA_FIRST;
    arena->end = arena->next + first;
    arena->left = budget - first;
    arena->chunks = NULL;
    arena->refused = 0;
    return arena;
}

void saga_arena_release(saga_arena *arena) {
    struct saga_chunk *chunk = arena->chunks;
    while (chunk != NULL) {
        struct saga_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
    arena->chunks = NULL;
    if (arena->is_own) own.busy = 0;
    else free(arena);
}

void *saga_arena_grow(saga_arena *arena, size_t size) {
    if (size > arena->left || size > SIZE_MAX / 2) {
        arena->refused = 1;
        return NULL;
    }
    /* A large piece gets a chunk of its own, so that the rest of the current one is not lost. */
    int large = size > SAGA_CHUNK / 4;
    size_t wanted = large ? size : SAGA_CHUNK;
    if (wanted > arena->left) wanted = size;
    wanted = (wanted + 7) & ~(size_t)7;
    struct saga_chunk *chunk = malloc(sizeof *chunk + (wanted ? wanted : 8));
    if (chunk == NULL) {
        arena->refused = 1;
        return NULL;
    }
    chunk->older = arena->chunks;
    arena->chunks = chunk;
    arena->left -= wanted < arena->left ? wanted : arena->left;
    if (!large && wanted == SAGA_CHUNK) {
        size_t rounded = (size + 7) & ~(size_t)7;
        arena->next = chunk->bytes + rounded;
        arena->end = chunk->bytes + wanted;
    }
    return chunk->bytes;
}

static void *take(void *arena, size_t size) { return saga_arena_take(arena, size); }

/* Pieces are given back with the arena. */
static void keep(void *arena, void *piece) {
    (void)arena;
    (void)piece;
}

ProtobufCMessage *saga_arena_unpack(
    saga_arena *arena, const ProtobufCMessageDescriptor *descriptor, size_t size, const uint8_t *bytes) {
    ProtobufCAllocator allocator = {take, keep, arena};
    return protobuf_c_message_unpack(descriptor, &allocator, size, bytes);
}
