#include "plugin/signature.h"

#include <sodium.h>

#include <array>
#include <optional>

#include "base/error.h"
#include "records/file_store.h"

namespace caravan::plugin {
namespace {

constexpr int base64 = sodium_base64_VARIANT_ORIGINAL;
constexpr std::string_view opening = "\n# caravan-signature: ed25519 ";
constexpr std::size_t key_length = sodium_base64_ENCODED_LEN(crypto_sign_PUBLICKEYBYTES, base64) - 1,
                      signature_length = sodium_base64_ENCODED_LEN(crypto_sign_BYTES, base64) - 1,
                      line_length = opening.size() + key_length + 1 + signature_length + 1;

void need_sodium() {
  static const bool ok = sodium_init() >= 0;
  if (!ok) throw Error(ErrorCode::internal, "libsodium cannot start.");
}

template <std::size_t Size>
using Bytes = std::array<unsigned char, Size>;

template <std::size_t Size>
std::string encode(const Bytes<Size>& bytes) {
  char text[sodium_base64_ENCODED_LEN(Size, base64)];
  sodium_bin2base64(text, sizeof text, bytes.data(), Size, base64);
  return text;
}

template <std::size_t Size>
std::optional<Bytes<Size>> decode(std::string_view text) {
  Bytes<Size> out;
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(out.data(), Size, text.data(), text.size(), nullptr, &size, &end, base64) != 0 || size != Size ||
      end != text.data() + text.size())
    return std::nullopt;
  return out;
}

/// What is signed.
std::string message_of(std::string_view content) {
  return "caravan-plugin-v1:" + records::sha256_of(content);
}

/// Where the signature begins; npos where the file does not end in one. The opening alone makes it one: a line that was cut or
/// lengthened is damaged, not absent.
std::size_t start_of(std::string_view bytes) {
  const std::string_view tail = bytes.substr(bytes.size() > 2 * line_length ? bytes.size() - 2 * line_length : 0);
  const auto at = tail.rfind(opening);
  if (at == std::string_view::npos) return std::string_view::npos;
  return bytes.size() - tail.size() + at;
}

}  // namespace

const char* to_string(Signature::State state) {
  switch (state) {
    case Signature::State::none:
      return "none";
    case Signature::State::damaged:
      return "damaged";
    case Signature::State::sound:
      return "sound";
  }
  return "";
}

std::string_view unsigned_part(std::string_view bytes) { return bytes.substr(0, start_of(bytes)); }

Signature read_signature(std::string_view bytes) {
  need_sodium();
  const auto start = start_of(bytes);
  if (start == std::string_view::npos) return {};
  Signature out;
  out.state = Signature::State::damaged;
  const std::string_view line = bytes.substr(start);
  if (line.size() != line_length || line.back() != '\n' || line[opening.size() + key_length] != ' ') return out;
  const std::string_view key_text = line.substr(opening.size(), key_length);
  const auto key = decode<crypto_sign_PUBLICKEYBYTES>(key_text);
  const auto signature = decode<crypto_sign_BYTES>(line.substr(opening.size() + key_length + 1, signature_length));
  if (!key || !signature) return out;
  out.key = key_text;
  const std::string message = message_of(bytes.substr(0, start));
  if (crypto_sign_verify_detached(signature->data(), reinterpret_cast<const unsigned char*>(message.data()), message.size(), key->data()) == 0)
    out.state = Signature::State::sound;
  return out;
}

std::string Trust::sentence() const {
  switch (state) {
    case State::unsigned_file:
      return "not signed";
    case State::damaged:
      return "signed, but changed since";
    case State::unknown:
      return "signed with the key " + key + ", which is not trusted here";
    case State::trusted:
      return "signed by " + by;
  }
  return {};
}

Trust judge(const Signature& signature, const TrustedKeys& trusted) {
  Trust out;
  out.key = signature.key;
  if (signature.state == Signature::State::none) return out;
  if (signature.state == Signature::State::damaged) {
    out.state = Trust::State::damaged;
    return out;
  }
  out.state = Trust::State::unknown;
  for (const auto& [name, key] : trusted) {
    if (key != signature.key) continue;
    out.state = Trust::State::trusted;
    out.by = name;
    break;
  }
  return out;
}

std::string mistake_in_key(std::string_view text) {
  need_sodium();
  if (decode<crypto_sign_PUBLICKEYBYTES>(text)) return {};
  return "\"" + std::string(text.substr(0, 80)) + "\" is no public key: write the " + std::to_string(key_length) +
         " letters that `caravan plugin keygen` printed";
}

KeyPair make_keys() {
  need_sodium();
  Bytes<crypto_sign_PUBLICKEYBYTES> key;
  Bytes<crypto_sign_SECRETKEYBYTES> secret;
  crypto_sign_keypair(key.data(), secret.data());
  KeyPair out{encode(key), encode(secret)};
  sodium_memzero(secret.data(), secret.size());
  return out;
}

std::string sign(std::string_view bytes, std::string_view secret_key) {
  need_sodium();
  auto secret = decode<crypto_sign_SECRETKEYBYTES>(secret_key);
  if (!secret) throw Error(ErrorCode::invalid_argument, "the key is no secret key as `caravan plugin keygen` makes them");
  Bytes<crypto_sign_PUBLICKEYBYTES> key;
  crypto_sign_ed25519_sk_to_pk(key.data(), secret->data());
  const std::string_view content = unsigned_part(bytes);
  const std::string message = message_of(content);
  Bytes<crypto_sign_BYTES> signature;
  crypto_sign_detached(signature.data(), nullptr, reinterpret_cast<const unsigned char*>(message.data()), message.size(), secret->data());
  sodium_memzero(secret->data(), secret->size());
  std::string out(content);
  out.append(opening).append(encode(key)).append(" ").append(encode(signature)).append("\n");
  return out;
}

}  // namespace caravan::plugin
