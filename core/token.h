/* Random names that no two processes share: 128 bits of the kernel's, as 32 lower-case hexadecimal digits. */
#ifndef WEIR_CORE_TOKEN_H
#define WEIR_CORE_TOKEN_H

enum { TOKEN_LEN = 32 };
void token_make(char ret_token[TOKEN_LEN + 1]); /* any thread; ends the process when the kernel gives no random bytes */

#endif
