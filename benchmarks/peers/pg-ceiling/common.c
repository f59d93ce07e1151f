#include "ceiling.h"

const char *address, *schema;

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

void fail(PGconn *connection, const char *what) {
    fprintf(stderr, "ceiling: %s: %s\n", what, PQerrorMessage(connection));
    exit(1);
}

PGresult *checked(PGconn *connection, PGresult *result, const char *what) {
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(connection, what);
    return result;
}

void execute(PGconn *connection, const char *sql) { PQclear(checked(connection, PQexec(connection, sql), sql)); }

int64_t number(PGconn *connection, const char *sql) {
    PGresult *result = checked(connection, PQexec(connection, sql), sql);
    int64_t value = atoll(PQgetvalue(result, 0, 0));
    PQclear(result);
    return value;
}

PGconn *open_session(void) {
    PGconn *connection = PQconnectdb(address);
    if (PQstatus(connection) != CONNECTION_OK) fail(connection, "connect");
    char sql[300];
    snprintf(sql, sizeof sql, "SET search_path = %s; SET plan_cache_mode = force_generic_plan; SET jit = off;"
        "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off",
        schema);
    execute(connection, sql);
    return connection;
}

uint64_t draw(uint64_t *random) {
    uint64_t x = *random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *random = x;
}

char *put_random(uint64_t *random, char *at, int count) {
    for (int byte = 0; byte < count; byte += 8) {
        uint64_t bits = draw(random);
        memcpy(at + byte, &bits, count - byte < 8 ? count - byte : 8);
    }
    return at + count;
}

void make_id(uint64_t *random, unsigned char *id) {
    uint64_t bits[2] = {draw(random), draw(random)};
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    uint64_t milliseconds = time.tv_sec * 1000ull + time.tv_nsec / 1000000;
    memcpy(id, bits, 16);
    for (int at = 0; at < 6; at++) id[at] = (unsigned char)(milliseconds >> (40 - 8 * at));
    id[6] = 0x70 | (id[6] & 15);
    id[8] = 0x80 | (id[8] & 63);
}

char *put32(char *at, uint32_t value) {
    value = htobe32(value);
    return (char *)memcpy(at, &value, 4) + 4;
}

char *put64(char *at, uint64_t value) {
    value = htobe64(value);
    return (char *)memcpy(at, &value, 8) + 8;
}

char *read_file(const char *name) {
    FILE *file = fopen(name, "r");
    char *text = calloc(1, 65536);
    if (!file || fread(text, 1, 65535, file) == 0) {
        perror(name);
        exit(1);
    }
    fclose(file);
    return text;
}
