#pragma once

#include <map>
#include <string>
#include <string_view>

/// Who vouches for a file: Ed25519 signatures of plugins and packs. A signed file ends in one line of fixed length,
///
///     # caravan-signature: ed25519 PUBLIC-KEY SIGNATURE
///
/// with a newline before and after it; key and signature are base64. What is signed is `caravan-plugin-v1:` and the SHA-256, in hex, of all
/// bytes before that newline. In a shared library the line lies behind what the loader reads, in a pack it is a comment.
namespace caravan::plugin {

/// What the file says of itself. Not yet whether the key is one that the agency trusts.
struct Signature {
  enum class State {
    none,     ///< the file does not end in such a line
    damaged,  ///< the line is malformed, or the file was changed after it was signed
    sound     ///< whoever holds `key`'s secret half signed these bytes
  };
  State state = State::none;
  std::string key;  ///< public, base64; empty for `none`
};
const char* to_string(Signature::State state);

/// Public keys in base64 by the name that the agency gives them, `plugins: trusted_keys`.
using TrustedKeys = std::map<std::string, std::string>;

/// `bytes`: the whole file.
Signature read_signature(std::string_view bytes);
/// The file's bytes without its signature; all of them where it has none.
std::string_view unsigned_part(std::string_view bytes);

/// Who signed it, as the administrator and the installer see it.
struct Trust {
  enum class State {
    unsigned_file,
    damaged,   ///< never to be installed
    unknown,   ///< signed, by a key that is not among the trusted ones
    trusted
  };
  State state = State::unsigned_file;
  std::string by;   ///< of `trusted`: the name of the key
  std::string key;  ///< public, base64; empty for `unsigned_file`

  /// `signed by partner`, `signed with the key …, which is not trusted here`, `not signed`, `signed, but changed since`
  std::string sentence() const;
  /// Whether it may be installed. `require_signature`: only what a trusted key signed; else also what is not signed, or by an unknown key.
  /// Damaged is refused in any case.
  bool allowed(bool require_signature) const {
    return state == State::trusted || (!require_signature && state != State::damaged);
  }
};
Trust judge(const Signature& signature, const TrustedKeys& trusted);

/// Why a text is no public key, for `trusted_keys` in caravan.yaml: empty where it is one.
std::string mistake_in_key(std::string_view base64);

struct KeyPair {
  std::string public_key, secret_key;  ///< base64; the secret one holds both halves, 64 bytes
};
KeyPair make_keys();

/// The file's bytes, signed; a signature that was there is replaced. Throws Error(invalid_argument) where the key is none.
std::string sign(std::string_view bytes, std::string_view secret_key);

}  // namespace caravan::plugin
