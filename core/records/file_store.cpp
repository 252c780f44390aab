#include "records/file_store.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/nameless_file.h"

namespace caravan::records {
namespace {

constexpr std::size_t piece_bytes = 1u << 20;
constexpr std::size_t name_length = 32;

std::string hex(const unsigned char* bytes, std::size_t size) {
  std::string text(size * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes, size);
  text.pop_back();
  return text;
}

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::unavailable, what + ": " + std::strerror(errno) + "."); }

class Hash {
 public:
  Hash() { crypto_hash_sha256_init(&state_); }
  void add(std::string_view bytes) { crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()); }
  std::string end() {
    unsigned char out[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state_, out);
    return hex(out, sizeof out);
  }

 private:
  crypto_hash_sha256_state state_;
};

}  // namespace

std::string sha256_of(std::string_view bytes) {
  Hash hash;
  hash.add(bytes);
  return hash.end();
}

OpenFile::~OpenFile() {
  if (map_ != nullptr) ::munmap(map_, size_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

int OpenFile::release() { return std::exchange(descriptor_, -1); }

std::string_view OpenFile::bytes() {
  if (size_ == 0) return {};
  if (map_ == nullptr) {
    void* map = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor_, 0);
    if (map == MAP_FAILED) fail("A stored file cannot be read");
    map_ = map;
    ::madvise(map_, size_, MADV_SEQUENTIAL);
  }
  return {static_cast<const char*>(map_), size_};
}

FileStore::FileStore(std::filesystem::path directory) : directory_(std::move(directory)) {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) throw Error(ErrorCode::unavailable, "The folder of files, " + directory_.string() + ", cannot be made: " + error.message() + ".");
  ::chmod(directory_.c_str(), 0700);
}

bool FileStore::is_name(std::string_view name) {
  return name.size() == name_length && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::filesystem::path FileStore::path_of(std::string_view name) const {
  if (!is_name(name)) throw Error(ErrorCode::not_found, "There is no such file.");
  return directory_ / name.substr(0, 2) / name;
}

void FileStore::write(const std::filesystem::path& path, std::string_view bytes, std::string* sha256) const {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) fail("A file cannot be stored in " + directory_.string());
  Hash hash;
  bool written = true;
  for (std::string_view rest = bytes; !rest.empty() && written;) {
    const auto count = ::write(file, rest.data(), std::min(rest.size(), piece_bytes));
    if (count < 0 && errno == EINTR) continue;
    written = count > 0;
    if (!written) break;
    if (sha256 != nullptr) hash.add(rest.substr(0, static_cast<std::size_t>(count)));
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  written = written && ::fsync(file) == 0;
  const int trouble = errno;
  ::close(file);
  const int folder = written ? ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  if (!written) {
    ::unlink(path.c_str());
    errno = trouble;
    fail("A file cannot be stored in " + directory_.string());
  }
  if (sha256 != nullptr) *sha256 = hash.end();
}

FileStore::Stored FileStore::put(std::string_view bytes) const {
  unsigned char random[name_length / 2];
  randombytes_buf(random, sizeof random);
  Stored stored;
  stored.name = hex(random, sizeof random);
  stored.size = bytes.size();
  write(path_of(stored.name), bytes, &stored.sha256);
  return stored;
}

void FileStore::put_as(std::string_view name, std::string_view bytes) const { write(path_of(name), bytes, nullptr); }

std::unique_ptr<OpenFile> FileStore::open(std::string_view name) const {
  const int file = ::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat status {};
  if (file < 0 || ::fstat(file, &status) != 0) {
    if (file >= 0) ::close(file);
    throw Error(ErrorCode::not_found, "The file is not there any more.");
  }
  return std::make_unique<OpenFile>(file, static_cast<std::uint64_t>(status.st_size));
}

void FileStore::remove(std::string_view name) const noexcept {
  try {
    ::unlink(path_of(name).c_str());
  } catch (const std::exception&) {  // no name of ours
  }
}

int FileStore::scratch() const {
  const int file = nameless_file(directory_);
  if (file < 0) fail("A file cannot be made in " + directory_.string());
  return file;
}

}  // namespace caravan::records
