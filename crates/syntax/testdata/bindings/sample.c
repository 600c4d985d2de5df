#include "list.h"
#define LIMIT 10
#define TWICE(x) ((x) + (x))

struct node {
	struct node *next;
	int value;
};

enum color { RED, GREEN };
typedef struct node node_t;
static int total;

static struct node *find(struct node *head, int value)
{
	struct node *at = head;
	for (int i = 0; i < LIMIT; i++) {
		if (at->value == value)
			return at;
		at = at->next;
	}
	total += TWICE(value);
	return list_end(head)->next;
}

int main(void)
{
	node_t first = { .value = RED };
	return find(&first, GREEN)->value;
}
