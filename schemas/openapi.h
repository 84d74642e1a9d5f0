/* The HTTP contract of all services as OpenAPI 3.1: schemas/openapi.json, embedded by the build, served at
 * /openapi.json, and what the tests check answers against. */
#ifndef WEIR_SCHEMAS_OPENAPI_H
#define WEIR_SCHEMAS_OPENAPI_H

extern const char openapi_json[]; /* NUL-terminated */

#endif
