#pragma once
#include <stdbool.h>
#include <stdint.h>

// Counts the process's calls of malloc, calloc, realloc and the aligned forms, over all threads.
// Only the bench executable links this.

/// Whether allocations are counted here (glibc).
bool bench_counts_allocations(void);

/// Allocations since the process began, by threads that live or have ended.
uint64_t bench_allocations(void);

/// Bytes that are allocated and not freed now, with what the allocator adds to each; 0 where that is not known.
uint64_t bench_live_bytes(void);

// Takes a finished value, which the compiler must have made whole for it. Does nothing.
void bench_sink(const void *value);

// liblz4 itself, which the program is linked with: what our frames are held against. Both return the bytes written.
int bench_lz4_compress(const void *source, int size, void *target, int capacity);
int bench_lz4_decompress(const void *block, int size, void *target, int capacity);
