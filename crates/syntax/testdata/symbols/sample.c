#ifndef _A_H
#define _A_H
#define MAX(a,b) ((a)>(b)?(a):(b))
#define SIZE 10
struct list_head { struct list_head *next, *prev; int (*cb)(int x); };
typedef struct { int a; } anon_t, *anon_p;
enum color { RED, GREEN = 2 };
extern int declared;
static int __init my_init(void) { int local = 1; return 0; }
static __always_inline __alloc_size(1) void *kmalloc(size_t size, gfp_t flags)
{ if (x) { y(); } return 0; }
EXPORT_SYMBOL(kmalloc);
int proto(int a);
static struct foo table[] = { { .a = 1 } }, *ptr;
DEFINE_MUTEX(my_lock);
static DEFINE_SPINLOCK(lock2);
DEFINE_PER_CPU(struct rq, runqueues);
SYSCALL_DEFINE3(read, unsigned int, fd, char __user *, buf, size_t, count)
{
  return ksys_read(fd, buf, count);
}
int knr(a, b) int a; char *b; { return a; }
void (*fp)(int) = 0;
static const struct file_operations fops = { .open = my_open };
module_init(my_init);
LUA_API int lua_gettop (lua_State *L) { return 1; }
int (*signal(int sig, void (*func)(int)))(int) { return 0; }
struct foo_s bar_f(void) __attribute__((noinline));
void __sched mutex_lock(struct mutex *lock)
{
#ifdef A
	if (a) {
#else
	if (b) {
#endif
		int loc = 1;
	}
}
int after(void) { return 1; }
#endif
