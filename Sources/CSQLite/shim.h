#pragma once
#include <sqlite3.h>
#include <stdint.h>

// What Swift cannot import from sqlite3.h: function-pointer constants and variadic functions.

/// Binds text that SQLite copies.
static inline int saga_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 count) {
    return sqlite3_bind_text64(statement, index, text, count, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/// Binds bytes that the caller keeps alive until the statement is reset.
static inline int saga_sqlite_bind_borrowed(
    sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 count) {
    return sqlite3_bind_blob64(statement, index, bytes, count, SQLITE_STATIC);
}

/// Binds bytes that SQLite copies; none are an empty blob, not NULL.
static inline int saga_sqlite_bind_bytes(
    sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 count) {
    if (count == 0) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, bytes, count, SQLITE_TRANSIENT);
}

/// Binds the 16 bytes of an id, big endian, so that stored ids sort like ids.
static inline int saga_sqlite_bind_id(sqlite3_stmt *statement, int index, uint64_t high, uint64_t low) {
    unsigned char bytes[16];
    for (int at = 0; at < 8; at++) {
        bytes[at] = (unsigned char)(high >> (56 - 8 * at));
        bytes[at + 8] = (unsigned char)(low >> (56 - 8 * at));
    }
    return sqlite3_bind_blob(statement, index, bytes, 16, SQLITE_TRANSIENT);
}

/// Forbids SQL that could damage the file itself, and functions in a schema that somebody tampered with.
static inline int saga_sqlite_harden(sqlite3 *database) {
    int result = sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    if (result != SQLITE_OK) return result;
    return sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
}
