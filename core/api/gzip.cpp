#include "api/gzip.h"

#include <zlib.h>

#include "api/negotiate.h"
#include "base/error.h"

namespace caravan::api {

std::string gzip(std::string_view text) {
  constexpr int as_gzip = 15 + 16;  // the largest window, with gzip's head and tail
  constexpr int level = 6, memory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, as_gzip, memory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw Error(ErrorCode::internal, "zlib has not begun to compress an answer");
  std::string packed(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int ended = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (ended != Z_STREAM_END) throw Error(ErrorCode::internal, "zlib has not compressed an answer to its end");
  return packed;
}

void answer_form(const Request& request, const std::string& plain, const std::string& packed, const std::string& tag, Response& response) {
  const bool takes = !packed.empty() && accepts_gzip(request.header("Accept-Encoding"));
  const std::string packed_tag = tag.substr(0, tag.size() - 1) + "-gzip\"";
  const std::string_view seen = request.header("If-None-Match");
  for (const bool form : {takes, !takes}) {
    const std::string& one = form ? packed_tag : tag;
    if (packed.empty() && form) continue;
    if (!has_seen(seen, one)) continue;
    // Which of the client's copies is still good.
    response.headers.emplace_back("ETag", one);
    response.status = 304;
    return;
  }
  response.headers.emplace_back("ETag", takes ? packed_tag : tag);
  if (takes) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = takes ? packed : plain;
}

}  // namespace caravan::api
