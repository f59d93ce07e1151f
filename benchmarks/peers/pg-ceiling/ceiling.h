// What the modes of the ceiling program share.
#define _GNU_SOURCE
#include <endian.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern const char *address, *schema;

double now(void);
void fail(PGconn *connection, const char *what);
PGresult *checked(PGconn *connection, PGresult *result, const char *what);
void execute(PGconn *connection, const char *sql);
int64_t number(PGconn *connection, const char *sql);
PGconn *open_session(void);
uint64_t draw(uint64_t *random);
// So many random bytes; gives where they end.
char *put_random(uint64_t *random, char *at, int count);
// A UUIDv7, so that new keys lie at the end of the index.
void make_id(uint64_t *random, unsigned char *id);
char *put32(char *at, uint32_t value);
char *put64(char *at, uint64_t value);
char *read_file(const char *name);

int write_sagas(int count, char **arguments);
