// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "json.h"

/**
 * json_number() - add a member with a number
 * @object: the object
 * @key: the member's name
 * @value: the number
 */
void json_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

/**
 * json_text() - add a member with a string
 * @object: the object
 * @key: the member's name
 * @text: the string
 */
void json_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

static void print(struct json_object *object)
{
	fputs(json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED),
	      stdout);
	json_object_put(object);
}

/**
 * json_put_line() - write a value
 * @object: the value, which is released
 */
void json_put_line(struct json_object *object)
{
	print(object);
	putchar('\n');
}

/**
 * json_list_begin() - begin to write an array
 * @list: the array
 */
void json_list_begin(struct json_list *list)
{
	list->any = false;
	putchar('[');
}

/**
 * json_list_add() - write an element
 * @list: the array
 * @object: the element, which is released
 */
void json_list_add(struct json_list *list, struct json_object *object)
{
	fputs(list->any ? ",\n " : "\n ", stdout);
	list->any = true;
	print(object);
}

/**
 * json_list_end() - end the array
 * @list: the array
 */
void json_list_end(struct json_list *list)
{
	fputs(list->any ? "\n]\n" : "]\n", stdout);
}
