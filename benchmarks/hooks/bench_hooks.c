#include "bench_hooks.h"

#include <stddef.h>
#include <stdlib.h>

#ifdef __GLIBC__

#include <errno.h>
#include <malloc.h>

// A slot for each thread: counting costs one increment and no shared cache line. A slot is never given back, so the
// counts of ended threads stay in the sum. Beyond the last slot threads share one, and may lose a count.
enum { slots = 1024 };
struct slot {
    _Alignas(64) uint64_t count;
};
static struct slot counts[slots];
static _Atomic int used;
static __thread struct slot *mine;

static void count(void) {
    struct slot *slot = mine;
    if (__builtin_expect(slot == NULL, 0)) {
        int next = used++;
        slot = &counts[next < slots ? next : slots - 1];
        mine = slot;
    }
    slot->count++;
}

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count();
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    count();
    void *memory = __libc_memalign(alignment, size);
    if (memory == NULL) return ENOMEM;
    *result = memory;
    return 0;
}

bool bench_counts_allocations(void) { return true; }

uint64_t bench_allocations(void) {
    uint64_t sum = 0;
    int last = used < slots ? used : slots;
    for (int i = 0; i < last; i++) sum += counts[i].count;
    return sum;
}

// Of the allocator that release builds are linked with, where it is.
extern int MallocExtension_GetNumericProperty(const char *, size_t *) __attribute__((weak));

uint64_t bench_live_bytes(void) {
    size_t bytes = 0;
    if (MallocExtension_GetNumericProperty != NULL
        && MallocExtension_GetNumericProperty("generic.current_allocated_bytes", &bytes)) {
        return bytes;
    }
    // Of all arenas, and what was mapped by itself.
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

#else

uint64_t bench_live_bytes(void) { return 0; }
bool bench_counts_allocations(void) { return false; }
uint64_t bench_allocations(void) { return 0; }

#endif

__attribute__((noinline)) void bench_sink(const void *value) { __asm__ volatile("" : : "r"(value) : "memory"); }

extern int LZ4_compress_fast(const char *, char *, int, int, int);
extern int LZ4_decompress_safe(const char *, char *, int, int);

int bench_lz4_compress(const void *source, int size, void *target, int capacity) {
    return LZ4_compress_fast(source, target, size, capacity, 1);
}

int bench_lz4_decompress(const void *block, int size, void *target, int capacity) {
    return LZ4_decompress_safe(block, target, size, capacity);
}
