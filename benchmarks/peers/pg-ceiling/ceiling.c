// What PostgreSQL can do on this machine when its client does nearly nothing: the same schema, the same statement and as
// many bytes as the engine's store, with random bytes for events. One line of results: events per second.
//
//   ceiling append ADDRESS SCHEMA SQLFILE EVENTS_PER_COMMIT EVENTS_PER_RUN BYTES_PER_RUN CONNECTIONS COMMITS
//   ceiling read   ADDRESS SCHEMA SAGA_ID TIMES
//   ceiling checkpoint ADDRESS SCHEMA
//   ceiling value  ADDRESS SCHEMA SQL
//
// SQLFILE holds the append statement; its parameters are the epoch (int8) and arrays: ids, first event ids, counts, events.
// Every run has a row in executions before it begins, and EVENTS_PER_COMMIT / EVENTS_PER_RUN runs share a commit.
#define _GNU_SOURCE
#include <endian.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS = 8192 };

struct run {
    unsigned char id[16];
    int64_t next;
};

struct writer {
    pthread_t thread;
    PGconn *connection;
    uint64_t random;
    struct run *runs;
    int cursor;
    char *array[4];
    int length[4];
    long committed;
};

static const char *address, *schema;
static char *statement;
static int runs_per_commit, events_per_run, bytes_per_run, commits;
static int64_t epoch;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void fail(PGconn *connection, const char *what) {
    fprintf(stderr, "ceiling: %s: %s\n", what, PQerrorMessage(connection));
    exit(1);
}

static PGresult *checked(PGconn *connection, PGresult *result, const char *what) {
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(connection, what);
    return result;
}

static void execute(PGconn *connection, const char *sql) { PQclear(checked(connection, PQexec(connection, sql), sql)); }

static PGconn *open_session(void) {
    PGconn *connection = PQconnectdb(address);
    if (PQstatus(connection) != CONNECTION_OK) fail(connection, "connect");
    char sql[300];
    snprintf(sql, sizeof sql, "SET search_path = %s; SET plan_cache_mode = force_generic_plan; SET jit = off;"
        "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off",
        schema);
    execute(connection, sql);
    return connection;
}

static uint64_t draw(struct writer *writer) {
    uint64_t x = writer->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return writer->random = x;
}

// A UUIDv7, so that new keys lie at the end of the index.
static void make_id(struct writer *writer, unsigned char *id) {
    uint64_t bits[2] = {draw(writer), draw(writer)};
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    uint64_t milliseconds = time.tv_sec * 1000ull + time.tv_nsec / 1000000;
    memcpy(id, bits, 16);
    for (int at = 0; at < 6; at++) id[at] = (unsigned char)(milliseconds >> (40 - 8 * at));
    id[6] = 0x70 | (id[6] & 15);
    id[8] = 0x80 | (id[8] & 63);
}

static char *put32(char *at, uint32_t value) {
    value = htobe32(value);
    return (char *)memcpy(at, &value, 4) + 4;
}

static char *put64(char *at, uint64_t value) {
    value = htobe64(value);
    return (char *)memcpy(at, &value, 8) + 8;
}

static void fill(struct writer *writer) {
    static const uint32_t types[4] = {2950, 20, 23, 17};
    char *at[4];
    for (int i = 0; i < 4; i++) {
        at[i] = writer->array[i];
        uint32_t head[5] = {1, 0, types[i], (uint32_t)runs_per_commit, 1};
        for (int word = 0; word < 5; word++) at[i] = put32(at[i], head[word]);
    }
    for (int i = 0; i < runs_per_commit; i++) {
        struct run *run = &writer->runs[writer->cursor];
        writer->cursor = (writer->cursor + 1) % RUNS;
        at[0] = (char *)memcpy(put32(at[0], 16), run->id, 16) + 16;
        at[1] = put64(put32(at[1], 8), (uint64_t)run->next);
        at[2] = put32(put32(at[2], 4), (uint32_t)events_per_run);
        at[3] = put32(at[3], (uint32_t)bytes_per_run);
        for (int byte = 0; byte < bytes_per_run; byte += 8) {
            uint64_t bits = draw(writer);
            memcpy(at[3] + byte, &bits, bytes_per_run - byte < 8 ? bytes_per_run - byte : 8);
        }
        at[3] += bytes_per_run;
        run->next += events_per_run;
    }
    for (int i = 0; i < 4; i++) writer->length[i] = (int)(at[i] - writer->array[i]);
}

static void *write_commits(void *argument) {
    struct writer *writer = argument;
    char number[8];
    put64(number, (uint64_t)epoch);
    for (int i = 0; i < commits; i++) {
        fill(writer);
        const char *values[5] = {number, writer->array[0], writer->array[1], writer->array[2], writer->array[3]};
        int lengths[5] = {8, writer->length[0], writer->length[1], writer->length[2], writer->length[3]};
        static const int formats[5] = {1, 1, 1, 1, 1};
        PGresult *result = checked(
            writer->connection, PQexecPrepared(writer->connection, "append", 5, values, lengths, formats, 1), "append");
        int64_t winners;
        memcpy(&winners, PQgetvalue(result, 0, 1), 8);
        if ((int)be64toh((uint64_t)winners) != runs_per_commit) fail(writer->connection, "a run lost");
        PQclear(result);
        writer->committed += runs_per_commit * events_per_run;
    }
    return NULL;
}

static void prepare(struct writer *writer, int number) {
    writer->connection = open_session();
    writer->random = (uint64_t)time(NULL) * 2654435761u ^ (uint64_t)(number + 1) * 0x9E3779B97F4A7C15u;
    writer->runs = calloc(RUNS, sizeof(struct run));
    for (int i = 0; i < 4; i++) writer->array[i] = malloc((size_t)runs_per_commit * (bytes_per_run + 64) + 4096);
    PGresult *result = PQexec(writer->connection, "COPY executions (saga_id, next_event_id, part, status) FROM STDIN");
    if (PQresultStatus(result) != PGRES_COPY_IN) fail(writer->connection, "copy");
    PQclear(result);
    for (int i = 0; i < RUNS; i++) {
        char line[80], *at = line;
        make_id(writer, writer->runs[i].id);
        writer->runs[i].next = 1;
        for (int byte = 0; byte < 16; byte++) at += sprintf(at, "%02x", writer->runs[i].id[byte]);
        at += sprintf(at, "\t1\t0\t0\n");
        if (PQputCopyData(writer->connection, line, (int)(at - line)) != 1) fail(writer->connection, "copy");
    }
    if (PQputCopyEnd(writer->connection, NULL) != 1) fail(writer->connection, "copy");
    while ((result = PQgetResult(writer->connection))) PQclear(checked(writer->connection, result, "copy"));
    PQclear(checked(writer->connection, PQprepare(writer->connection, "append", statement, 0, NULL), "prepare"));
}

static int append(char **arguments) {
    FILE *file = fopen(arguments[0], "r");
    if (!file) {
        perror(arguments[0]);
        return 1;
    }
    statement = calloc(1, 65536);
    if (fread(statement, 1, 65535, file) == 0) return 1;
    fclose(file);
    events_per_run = atoi(arguments[2]);
    runs_per_commit = atoi(arguments[1]) / events_per_run;
    bytes_per_run = atoi(arguments[3]);
    int connections = atoi(arguments[4]);
    commits = atoi(arguments[5]);
    PGconn *owner = open_session();
    PGresult *result = checked(owner, PQexec(owner, "UPDATE fence SET epoch = epoch + 1 RETURNING epoch"), "fence");
    epoch = atoll(PQgetvalue(result, 0, 0));
    PQclear(result);
    struct writer *writers = calloc(connections, sizeof(struct writer));
    for (int i = 0; i < connections; i++) prepare(&writers[i], i);
    execute(owner, "CHECKPOINT");
    double start = now();
    for (int i = 0; i < connections; i++) pthread_create(&writers[i].thread, NULL, write_commits, &writers[i]);
    long events = 0;
    for (int i = 0; i < connections; i++) {
        pthread_join(writers[i].thread, NULL);
        events += writers[i].committed;
    }
    printf("%.0f\n", events / (now() - start));
    return 0;
}

static int read_history(char **arguments) {
    PGconn *connection = open_session();
    const char *sql = "SELECT first_event_id, event_count, events FROM history WHERE saga_id = $1 ORDER BY first_event_id";
    PQclear(checked(connection, PQprepare(connection, "read", sql, 0, NULL), "prepare"));
    const char *values[1] = {arguments[0]};
    long events = 0, sum = 0;
    int times = atoi(arguments[1]);
    double start = now();
    for (int i = 0; i < times; i++) {
        PGresult *result = checked(connection, PQexecPrepared(connection, "read", 1, values, NULL, NULL, 1), "read");
        for (int row = 0; row < PQntuples(result); row++) {
            uint32_t count;
            memcpy(&count, PQgetvalue(result, row, 1), 4);
            events += be32toh(count);
            const char *bytes = PQgetvalue(result, row, 2);
            for (int at = 0; at < PQgetlength(result, row, 2); at += 64) sum += bytes[at];
        }
        PQclear(result);
    }
    double seconds = now() - start;
    fprintf(stderr, "sum %ld\n", sum);
    printf("%.0f\n", events / seconds);
    return 0;
}

int main(int count, char **arguments) {
    if (count < 4) return 2;
    address = arguments[2];
    schema = arguments[3];
    if (!strcmp(arguments[1], "checkpoint")) {
        execute(open_session(), "CHECKPOINT");
        printf("0\n");
        return 0;
    }
    if (!strcmp(arguments[1], "value") && count == 5) {
        PGconn *connection = open_session();
        PGresult *result = checked(connection, PQexec(connection, arguments[4]), arguments[4]);
        printf("%s\n", PQgetvalue(result, 0, 0));
        return 0;
    }
    if (!strcmp(arguments[1], "append") && count == 10) return append(arguments + 4);
    if (!strcmp(arguments[1], "read") && count == 6) return read_history(arguments + 4);
    return 2;
}
