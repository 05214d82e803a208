/* SPDX-License-Identifier: GPL-2.0 */
/* JSON on standard output, one value a line. */
#ifndef QDSCTL_JSON_H
#define QDSCTL_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

void json_number(struct json_object *object, const char *key, uint64_t value);
void json_text(struct json_object *object, const char *key, const char *text);
void json_put_line(struct json_object *object);

/**
 * struct json_list - an array that is written as it comes
 * @any: has it elements?
 */
struct json_list {
	bool any;
};

void json_list_begin(struct json_list *list);
void json_list_add(struct json_list *list, struct json_object *object);
void json_list_end(struct json_list *list);

#endif /* QDSCTL_JSON_H */
