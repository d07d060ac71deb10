/*
 * What runs in a container of the proof, and who waits for it.
 *
 *   cell SOCKET TAG PIDNS FILE[,FILE...] STEP...
 *
 * The first process stays outside: it waits for the container's processes as containerd's shim does (subreaper), so that it knows who
 * died of what. Its child enters the cgroups (writes 0 to each FILE, a cgroup.procs), as PID 1 of its own pid namespace when PIDNS
 * is 1, and does the steps. What happens is told on SOCKET, a SOCK_SEQPACKET: the kernel adds the sender's pid as the reader sees it.
 *
 *   TAG S <own pid> <name in hex>   a process has started, or has a new name
 *   TAG R                           it is ready
 *   TAG W <child's pid> <status>    it waited for a child; the pid is one of the sender's pid namespace
 *   TAG F <errno> <what>            a step failed
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int teller;
static const char *tag;
static sigset_t handled;
static char *shared;

static void tell(const char *text)
{
	char message[256];
	int length = snprintf(message, sizeof message, "%s %s", tag, text);

	while (send(teller, message, length, MSG_NOSIGNAL) < 0 && (errno == EINTR || errno == ENOBUFS || errno == EAGAIN))
		usleep(1000);
}

static void fail(const char *what)
{
	char text[160];

	snprintf(text, sizeof text, "F %d %.100s", errno, what);
	tell(text);
	_exit(99);
}

static void tell_start(void)
{
	char name[17] = "", text[64];
	int length;

	prctl(PR_GET_NAME, name);
	length = snprintf(text, sizeof text, "S %d ", getpid());
	for (const char *byte = name; *byte; byte++)
		length += snprintf(text + length, sizeof text - length, "%02x", (unsigned char)*byte);
	tell(text);
}

static void tell_end(pid_t pid, int status)
{
	char text[64];

	snprintf(text, sizeof text, "W %d %d", pid, status);
	tell(text);
}

static void write_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		fail(path);
	close(file);
}

static void charge_anonymous(size_t bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < bytes; at += 4096)
		((volatile char *)memory)[at] = (char)(at >> 12 | 1);
}

/* Memory that this process and those that it forks from now on have in common; nobody has touched it yet. */
static void share(size_t bytes)
{
	shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shared == MAP_FAILED)
		fail("mmap of shared memory");
}

static void touch_shared(size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 4096)
		((volatile char *)shared)[at] = 1;
}

/* Pages of a file that are in memory for as long as there is enough of it. */
static void map_file(const char *path, size_t bytes)
{
	int file = open(path, O_RDONLY);
	char *memory = file < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ, MAP_SHARED, file, 0);

	if (memory == MAP_FAILED)
		fail(path);
	close(file);
	for (size_t at = 0; at < bytes; at += 4096)
		(void)((volatile char *)memory)[at];
}

/* Page tables alone: a read of untouched memory maps the zero page, which belongs to nobody, by a table for each 2 MiB. */
static void charge_page_tables(size_t tables)
{
	char *memory = mmap(NULL, tables << 21, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap of sparse memory");
	madvise(memory, tables << 21, MADV_NOHUGEPAGE);
	for (size_t table = 0; table < tables; table++)
		(void)((volatile char *)memory)[table << 21];
}

/* How many processes any OOM has killed since boot. */
static unsigned long oom_kills(void)
{
	static char text[16384];
	int file = open("/proc/vmstat", O_RDONLY);
	ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
	char *found;

	if (length < 0)
		fail("/proc/vmstat");
	close(file);
	text[length] = 0;
	found = strstr(text, "\noom_kill ");
	return found ? strtoul(found + 10, NULL, 10) : 0;
}

/* Grow until somebody was killed, and no further: what comes after would be killed, too, until nobody is left. */
static void charge_until_oom(size_t step)
{
	unsigned long before = oom_kills();

	while (oom_kills() == before)
		charge_anonymous(step);
}

static void charge_file(const char *path, size_t bytes)
{
	static char block[65536];
	int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (file < 0)
		fail(path);
	memset(block, 7, sizeof block);
	for (size_t done = 0; done < bytes; done += sizeof block)
		if (write(file, block, sizeof block) < 0)
			fail("write");
	close(file);
}

static void set_name(const char *hex)
{
	char name[16] = "";

	for (int i = 0; i < 15 && hex[2 * i] && hex[2 * i + 1]; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};

		name[i] = (char)strtol(digits, NULL, 16);
	}
	prctl(PR_SET_NAME, name);
	tell_start();
}

static void reap_all(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
		if (pid > 0)
			tell_end(pid, status);
}

static void stay(void)
{
	int status, got;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			tell_end(pid, status);
		sigwait(&handled, &got);
	}
}

/* The token after the block that begins at `{`. */
static char **after_block(char **step)
{
	int depth = 0;

	do {
		if (!*step) {
			errno = EINVAL;
			fail("a block has no end");
		}
		depth += !strcmp(*step, "{") - !strcmp(*step, "}");
		step++;
	} while (depth);
	return step;
}

static void run(char **step, char **end)
{
	while (step < end) {
		char *word = *step++;

		if (!strcmp(word, "anon")) {
			charge_anonymous(strtoull(*step++, NULL, 10));
		} else if (!strcmp(word, "share")) {
			share(strtoull(*step++, NULL, 10));
		} else if (!strcmp(word, "touch")) {
			touch_shared(strtoull(*step++, NULL, 10));
		} else if (!strcmp(word, "map")) {
			map_file(step[0], strtoull(step[1], NULL, 10));
			step += 2;
		} else if (!strcmp(word, "tables")) {
			charge_page_tables(strtoull(*step++, NULL, 10));
		} else if (!strcmp(word, "oom")) {
			charge_until_oom(strtoull(*step++, NULL, 10));
		} else if (!strcmp(word, "file")) {
			charge_file(step[0], strtoull(step[1], NULL, 10));
			step += 2;
		} else if (!strcmp(word, "name")) {
			set_name(*step++);
		} else if (!strcmp(word, "adj")) {
			write_file("/proc/self/oom_score_adj", *step++);
		} else if (!strcmp(word, "enter")) {
			write_file(*step++, "0");
		} else if (!strcmp(word, "ready")) {
			tell("R");
		} else if (!strcmp(word, "await")) {
			sigset_t go;
			int got;

			sigemptyset(&go);
			sigaddset(&go, SIGUSR1);
			sigwait(&go, &got);
		} else if (!strcmp(word, "crash")) {
			*(volatile int *)8 = 1;
		} else if (!strcmp(word, "reap")) {
			reap_all();
		} else if (!strcmp(word, "stay")) {
			stay();
		} else if (!strcmp(word, "fork")) {
			char **next = after_block(step);
			pid_t pid = fork();

			if (pid < 0)
				fail("fork");
			if (!pid) {
				tell_start();
				run(step + 1, next - 1);
				_exit(0);
			}
			step = next;
		} else if (!strcmp(word, "repeat")) {
			long times = strtol(*step++, NULL, 10);
			char **next = after_block(step);

			while (times-- > 0)
				run(step + 1, next - 1);
			step = next;
		} else {
			errno = EINVAL;
			fail(word);
		}
	}
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc < 6)
		return 2;
	teller = atoi(argv[1]);
	tag = argv[2];
	sigemptyset(&handled);
	sigaddset(&handled, SIGUSR1);
	sigaddset(&handled, SIGCHLD);
	sigprocmask(SIG_BLOCK, &handled, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!strcmp(argv[3], "1") && unshare(CLONE_NEWPID) < 0)
		fail("unshare of the pid namespace");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (char *file = strtok(argv[4], ","); file; file = strtok(NULL, ","))
			write_file(file, "0");
		tell_start();
		run(argv + 5, argv + argc);
		return 0;
	}
	reap_all();
	return 0;
}
