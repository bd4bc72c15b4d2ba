#include "plan/http_library.h"

#include <dlfcn.h>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

/// The name under which every libcurl since 2006 is installed.
constexpr const char* kName = "libcurl.so.4";

template <class Function>
void find(void* library, Function& function, const char* name) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr) throw Error(ErrorKind::language_model, fmt::format("{}: has no {}", kName, name), "libcurl 7.85 or newer is needed");
}

HttpLibrary open() {
  void* library = ::dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(ErrorKind::language_model, fmt::format("{}: cannot be opened: {}", kName, ::dlerror()), "install libcurl (on Debian the package libcurl4)");
  }
  HttpLibrary all{};
  find(library, all.easy_init, "curl_easy_init");
  find(library, all.easy_cleanup, "curl_easy_cleanup");
  find(library, all.easy_setopt, "curl_easy_setopt");
  find(library, all.easy_getinfo, "curl_easy_getinfo");
  find(library, all.easy_strerror, "curl_easy_strerror");
  find(library, all.multi_init, "curl_multi_init");
  find(library, all.multi_cleanup, "curl_multi_cleanup");
  find(library, all.multi_add_handle, "curl_multi_add_handle");
  find(library, all.multi_remove_handle, "curl_multi_remove_handle");
  find(library, all.multi_perform, "curl_multi_perform");
  find(library, all.multi_poll, "curl_multi_poll");
  find(library, all.multi_info_read, "curl_multi_info_read");
  find(library, all.multi_strerror, "curl_multi_strerror");
  find(library, all.slist_append, "curl_slist_append");
  find(library, all.slist_free_all, "curl_slist_free_all");
  find(library, all.url, "curl_url");
  find(library, all.url_cleanup, "curl_url_cleanup");
  find(library, all.url_set, "curl_url_set");
  find(library, all.url_get, "curl_url_get");
  find(library, all.free, "curl_free");

  decltype(&::curl_global_init) start = nullptr;
  find(library, start, "curl_global_init");
  if (const CURLcode code = start(CURL_GLOBAL_DEFAULT); code != CURLE_OK) {
    throw Error(ErrorKind::language_model, fmt::format("{}: does not start: {}", kName, all.easy_strerror(code)));
  }
  return all;
}

}  // namespace

const HttpLibrary& http_library() {
  static const HttpLibrary library = open();
  return library;
}

}  // namespace dreamrunner
