/* What the files of stock share: not for others. */
#ifndef WEIR_SCHEMAS_STOCK_PARTS_H
#define WEIR_SCHEMAS_STOCK_PARTS_H

#include "schemas/stock.h"

/* The script's text with the chosen mistake in it, if that is one of this script's; takes `text` over. */
char *stock_planted_text(enum stock_script script, char *text);

#endif
