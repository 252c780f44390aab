#include "http/local_client.h"

#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/StreamCopier.h>
#include <Poco/Timespan.h>

#include "base/error.h"

namespace caravan::http {

std::optional<LocalResponse> local_request(const std::string& socket_path, std::string_view method,
                                           const std::string& target, std::string_view content_type,
                                           std::string_view body, int timeout_seconds, std::ostream* file) {
  Poco::Net::StreamSocket socket;
  try {
    socket.connect(Poco::Net::SocketAddress(Poco::Net::AddressFamily::UNIX_LOCAL, socket_path),
                   Poco::Timespan(5, 0));
  } catch (const Poco::Exception&) {
    return std::nullopt;
  }
  try {
    Poco::Net::HTTPClientSession session(socket);
    session.setTimeout(Poco::Timespan(timeout_seconds, 0));
    Poco::Net::HTTPRequest request(std::string(method), target, Poco::Net::HTTPMessage::HTTP_1_1);
    request.setHost("localhost");
    if (!content_type.empty()) request.setContentType(std::string(content_type));
    request.setContentLength64(static_cast<Poco::Int64>(body.size()));
    std::ostream& out = session.sendRequest(request);
    out.write(body.data(), static_cast<std::streamsize>(body.size()));
    Poco::Net::HTTPResponse response;
    std::istream& in = session.receiveResponse(response);
    LocalResponse result;
    result.status = static_cast<int>(response.getStatus());
    if (file != nullptr && result.status < 300) Poco::StreamCopier::copyStream64(in, *file, 256 * 1024);
    else Poco::StreamCopier::copyToString64(in, result.body);
    return result;
  } catch (const Poco::Exception& error) {
    throw Error(ErrorCode::unavailable,
                "The running server did not answer over " + socket_path + ": " + error.displayText());
  }
}

}  // namespace caravan::http
