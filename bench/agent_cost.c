/* The measure for bench/agent_cost.py: reads the files that the agent reads, as often as it does, and nothing more.
 *
 * Usage: agent_cost LIST. Each line of LIST is "MODE PERIOD PATH": read PATH in every PERIOD-th tick, with MODE
 *   p  pread on a descriptor that stays open
 *   o  open, read to the end, close
 *   d  list the directory
 *   l  readlink
 *   s  stat
 * Then, for each line "TICKS" on standard input, runs so many ticks and prints "CPU_NANOSECONDS WALL_NANOSECONDS READS BYTES".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct entry {
    char mode;
    long period;
    char *path;
    int fd;
};

static char buffer[1 << 16];
static long reads, bytes;

static long long nanoseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void count(ssize_t got)
{
    reads++;
    if (got > 0)
        bytes += got;
}

static void visit(const struct entry *entry)
{
    if (entry->mode == 'p') {
        count(pread(entry->fd, buffer, sizeof buffer, 0));
    } else if (entry->mode == 'o') {
        int fd = open(entry->path, O_RDONLY | O_CLOEXEC);
        ssize_t got;
        if (fd < 0)
            return;
        while ((got = read(fd, buffer, sizeof buffer)) > 0)
            count(got);
        close(fd);
    } else if (entry->mode == 'l') {
        count(readlink(entry->path, buffer, sizeof buffer));
    } else if (entry->mode == 's') {
        struct stat status;
        reads += stat(entry->path, &status) == 0;
    } else {
        DIR *directory = opendir(entry->path);
        if (!directory)
            return;
        while (readdir(directory))
            bytes++;
        reads++;
        closedir(directory);
    }
}

int main(int argc, char **argv)
{
    static char line[8192];
    struct entry *entries = NULL;
    size_t used = 0, room = 0;
    FILE *list = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!list) {
        fprintf(stderr, "agent_cost: expected a readable LIST\n");
        return 2;
    }
    while (fgets(line, sizeof line, list)) {
        char mode;
        long period;
        int start;
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%c %ld %n", &mode, &period, &start) != 2 || period < 1 || !strchr("podls", mode)) {
            fprintf(stderr, "agent_cost: found \"%s\", expected MODE PERIOD PATH\n", line);
            return 2;
        }
        if (used == room) {
            room = room ? room * 2 : 1024;
            entries = realloc(entries, room * sizeof *entries);
            if (!entries)
                return 1;
        }
        struct entry *entry = &entries[used++];
        *entry = (struct entry){mode, period, strdup(line + start), -1};
        if (mode == 'p' && (entry->fd = open(entry->path, O_RDONLY | O_CLOEXEC)) < 0) {
            fprintf(stderr, "agent_cost: %s: %s\n", entry->path, strerror(errno));
            return 1;
        }
    }
    fclose(list);
    while (fgets(line, sizeof line, stdin)) {
        long ticks = atol(line);
        reads = bytes = 0;
        long long cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), wall = nanoseconds(CLOCK_MONOTONIC);
        for (long tick = 0; tick < ticks; tick++)
            for (size_t index = 0; index < used; index++)
                if (tick % entries[index].period == 0)
                    visit(&entries[index]);
        cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        wall = nanoseconds(CLOCK_MONOTONIC) - wall;
        printf("%lld %lld %ld %ld\n", cpu, wall, reads, bytes);
        fflush(stdout);
    }
    return 0;
}
