#pragma once

#include <span>
#include <string_view>

/// The hand-written parts of the OpenAPI document: what the table of routes refers to by name.
namespace caravan::api {

/// A component: the JSON of a schema, parameter, header or path parameter.
struct OpenapiPart {
  std::string_view name;
  std::string_view json;
  std::string_view media = "application/json";  ///< of schemas: how a body of this kind is sent
};

struct OpenapiParts {
  std::span<const OpenapiPart> schemas;
  std::span<const OpenapiPart> query;            ///< query parameters
  std::span<const OpenapiPart> request_headers;  ///< without `required`
  std::span<const OpenapiPart> answer_headers;
  std::span<const OpenapiPart> path;             ///< parameters in patterns
  std::span<const OpenapiPart> tags;             ///< descriptions
};
const OpenapiParts& openapi_parts();

/// nullptr where there is none.
const OpenapiPart* find_part(std::span<const OpenapiPart> parts, std::string_view name);

}  // namespace caravan::api
