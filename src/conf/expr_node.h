/*
 * expr_node.h - the tree of an expression, which expr_parse.c makes and expr.c evaluates.
 */
#ifndef CONF_EXPR_NODE_H
#define CONF_EXPR_NODE_H

#include "conf/expr.h"

enum op {
    OP_VALUE,
    OP_NAME,
    OP_NOT,
    OP_MINUS,
    OP_IF,
    OP_AND,
    OP_OR,
    OP_EQ,
    OP_NE,
    OP_LE,
    OP_LT,
    OP_GE,
    OP_GT,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD
};

struct expr {
    enum op op;
    struct expr_value value; /* OP_VALUE; of OP_NAME, value.text */
    const struct expr *x, *y, *z;
};

#endif
