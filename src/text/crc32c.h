/* CRC-32C (Castagnoli, RFC 3720 B.4), table-driven, with SSE4.2 where the processor has it. */
#ifndef STINT_TEXT_CRC32C_H
#define STINT_TEXT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *p, size_t n);       /* crc32c("123456789") == 0xe3069283 */

#endif
