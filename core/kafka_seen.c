/* Offsets of a partition only rise. One that does not tells that the log is no longer the one that was written to: its
 * topic was made anew, its broker came back without its data, or the address leads to another cluster. The client
 * library has no topic ids, and the broker takes the records without a word.
 *
 * One client's reports come in the order of its offsets; those of a client that was swapped may overtake them, so each
 * client has its own. The new one begins with what the old one was told: whatever it sends comes after that.
 */
#include "core/buf.h"
#include "core/kafka_internal.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct kafka_seen_topic {
    char *name;
    int32_t partition_count;
    int64_t *next; /* one more than the highest offset told; 0: none yet */
};

static struct kafka_seen_topic *topic_of(struct kafka_seen *seen, const char *name)
{
    for (size_t i = 0; i < seen->topic_count; i++)
        if (strcmp(seen->topics[i].name, name) == 0)
            return &seen->topics[i];
    seen->topics = mem_grow(seen->topics, (seen->topic_count + 1) * sizeof *seen->topics);
    seen->topics[seen->topic_count] = (struct kafka_seen_topic){.name = mem_copy_str(name)};
    return &seen->topics[seen->topic_count++];
}

static int64_t *next_of(struct kafka_seen_topic *topic, int32_t partition)
{
    if (partition >= topic->partition_count) {
        topic->next = mem_grow(topic->next, ((size_t)partition + 1) * sizeof *topic->next);
        for (int32_t i = topic->partition_count; i <= partition; i++)
            topic->next[i] = 0;
        topic->partition_count = partition + 1;
    }
    return &topic->next[partition];
}

bool kafka_seen_note(struct kafka_seen *seen, const char *topic, int32_t partition, int64_t offset, struct err *err)
{
    assert(partition >= 0 && offset >= 0);
    int64_t *next = next_of(topic_of(seen, topic), partition);
    if (offset < *next)
        return err_set(err, ERR_CONFLICT,
                       "The log of %s[%d] gave offset %lld after %lld: the topic was made anew, lost records, or is "
                       "another one; mend progress, then restart this service",
                       topic, (int)partition, (long long)offset, (long long)*next - 1);
    *next = offset + 1;
    return true;
}

void kafka_seen_copy(const struct kafka_seen *seen, struct kafka_seen *ret_copy)
{
    for (size_t i = 0; i < seen->topic_count; i++) {
        const struct kafka_seen_topic *topic = &seen->topics[i];
        for (int32_t p = 0; p < topic->partition_count; p++)
            *next_of(topic_of(ret_copy, topic->name), p) = topic->next[p];
    }
}

void kafka_seen_free(struct kafka_seen *seen)
{
    for (size_t i = 0; i < seen->topic_count; i++) {
        free(seen->topics[i].name);
        free(seen->topics[i].next);
    }
    free(seen->topics);
    *seen = (struct kafka_seen){0};
}
