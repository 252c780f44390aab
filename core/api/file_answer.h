#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/call.h"
#include "api/file_body.h"

/// Answers that are files.
namespace caravan::api {

/// A file without a name that is written from front to back, through a buffer. Throws unavailable where the disk takes no more.
class FileWriter {
 public:
  explicit FileWriter(const records::FileStore& files);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  void write(std::string_view text);
  std::uint64_t size() const { return size_ + buffer_.size(); }
  std::shared_ptr<const FileBody> finish();

 private:
  void flush();
  int file_;
  std::uint64_t size_ = 0;
  std::string buffer_;
};

/// Makes the file the answer's body, under a name that any client understands (RFC 6266, RFC 8187): as a download, or to be shown in the page where `shown`
/// says so. Never guessed at by browsers.
void answer_file(Response& response, std::shared_ptr<const FileBody> file, std::string_view media_type, std::string_view name, bool shown);

/// The parameter `after` of a list that goes down by id; 0 where absent.
std::int64_t id_cursor(const Call& call);

}  // namespace caravan::api
