/* SPDX-License-Identifier: Apache-2.0 */
#include "base/curl_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct symbol {
	const char *name;
	void *function; /* where its address goes */
};

/* What a library itself does not have is looked for in those that it depends on. */
static bool find_all(void *handle, const struct symbol *symbols, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		void **function = symbols[i].function;

		*function = dlsym(handle, symbols[i].name);
		if (!*function)
			return false;
	}
	return true;
}

static void find_digest(void *handle, struct curl_digest *digest)
{
	const struct symbol symbols[] = {
		{ "EVP_MD_CTX_new", &digest->new },      { "EVP_MD_CTX_free", &digest->free },
		{ "EVP_sha256", &digest->sha256 },       { "EVP_DigestInit_ex", &digest->init },
		{ "EVP_DigestUpdate", &digest->update }, { "EVP_DigestFinal_ex", &digest->final },
	};

	digest->is_there = find_all(handle, symbols, sizeof(symbols) / sizeof(symbols[0]));
}

static bool load(struct curl_library *library)
{
	void *handle = dlopen(CURL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	CURLcode (*global_init)(long flags);
	curl_version_info_data *(*version_info)(CURLversion age);
	const struct symbol symbols[] = {
		{ "curl_global_init", &global_init },
		{ "curl_version_info", &version_info },
		{ "curl_easy_init", &library->easy_init },
		{ "curl_easy_cleanup", &library->easy_cleanup },
		{ "curl_easy_reset", &library->easy_reset },
		{ "curl_easy_setopt", &library->easy_setopt },
		{ "curl_easy_getinfo", &library->easy_getinfo },
		{ "curl_easy_perform", &library->easy_perform },
		{ "curl_easy_strerror", &library->easy_strerror },
		{ "curl_slist_append", &library->slist_append },
		{ "curl_slist_free_all", &library->slist_free_all },
	};

	if (!handle || !find_all(handle, symbols, sizeof(symbols) / sizeof(symbols[0])))
		return false;
	/* It stays: what it has begun cannot be unloaded while other threads may be in it. */
	if (global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	library->version = version_info(CURLVERSION_NOW)->version_num;
	find_digest(handle, &library->digest);
	return true;
}

const struct curl_library *curl_library_get(void)
{
	/* Of the process, as the library is: it is begun once, by one thread, for all. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct curl_library library;
	static bool is_loaded;
	const struct curl_library *found = NULL;

	(void)pthread_mutex_lock(&lock);
	is_loaded = is_loaded || load(&library);
	if (is_loaded)
		found = &library;
	(void)pthread_mutex_unlock(&lock);
	return found;
}
