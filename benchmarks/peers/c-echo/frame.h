// The frame header of wire.md, for the C echo and its load generator.
#pragma once
#include <stdint.h>
#include <string.h>

enum { FRAME_HEADER = 12, FRAME_MAX = 65536 };
enum { KIND_HELLO = 1, KIND_WELCOME = 2, KIND_REQUEST = 3, KIND_RESPONSE = 4, KIND_ERROR = 5,
       KIND_PING = 10, KIND_PONG = 11 };
enum { METHOD_HEALTH = 1792 };

static inline uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline void put_header(uint8_t *p, uint8_t kind, uint16_t method, uint32_t stream, size_t body) {
    put32(p, (uint32_t)body + 8);
    p[4] = kind;
    p[5] = 0;
    p[6] = (uint8_t)(method >> 8);
    p[7] = (uint8_t)method;
    put32(p + 8, stream);
}
