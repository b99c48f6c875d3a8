#include "emu/gunzip.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

bool gunzip_is(const uint8_t *bytes, uint64_t length) { return length >= 18 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

/* Room for `used` bytes and more; false when the limit or the host's memory is reached. */
static bool grow(uint8_t **to, uint64_t *room)
{
    uint64_t more = *room * 2;
    uint8_t *p = more <= GUNZIP_MAX_BYTES ? realloc(*to, more) : NULL;
    if (!p) return false;
    *to = p;
    *room = more;
    return true;
}

static const char *inflate_all(z_stream *z, const uint8_t *bytes, uint64_t length, uint8_t **to, uint64_t *room,
                               uint64_t *used)
{
    uint64_t at = 0;
    for (int status = Z_OK; status != Z_STREAM_END;) {
        if (!z->avail_in && at < length) {
            z->next_in = (Bytef *)(uintptr_t)(bytes + at);
            z->avail_in = length - at > INT_MAX ? INT_MAX : (uInt)(length - at);
            at += z->avail_in;
        }
        if (*used == *room && !grow(to, room)) return "is too large when decompressed";
        uint64_t left = *room - *used;
        z->next_out = *to + *used;
        z->avail_out = left > INT_MAX ? INT_MAX : (uInt)left;
        uInt before = z->avail_out;
        status = inflate(z, Z_NO_FLUSH);
        *used += before - z->avail_out;
        if (status == Z_BUF_ERROR || (status == Z_OK && !z->avail_in && at == length && z->avail_out))
            return "is truncated: the gzip data end too early";
        if (status != Z_OK && status != Z_STREAM_END) return "holds damaged gzip data";
    }
    return NULL;
}

bool gunzip(const uint8_t *bytes, uint64_t length, struct host_file *plain, const char *what, const char *path,
            struct err *err)
{
    uint64_t room = length * 4 < (1 << 16) ? 1 << 16 : length * 4, used = 0;
    uint8_t *to = malloc(room);
    z_stream z = {0};
    if (!to || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) {
        free(to);
        return err_set(err, "%s %s: out of memory", what, path);
    }
    const char *problem = inflate_all(&z, bytes, length, &to, &room, &used);
    inflateEnd(&z);
    if (!problem && !used) problem = "is empty when decompressed";
    if (problem) {
        free(to);
        return err_set(err, "%s %s: %s", what, path, problem);
    }
    *plain = (struct host_file){.bytes = to, .length = used};
    return true;
}
