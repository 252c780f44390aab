#pragma once

#include "records/file_store.h"

namespace caravan::api {

/// A file that is the body of an answer: the transport drains it as fast as the client reads, and it is never in memory as a whole.
class FileBody final : public records::OpenFile {
 public:
  using OpenFile::OpenFile;
};

}  // namespace caravan::api
