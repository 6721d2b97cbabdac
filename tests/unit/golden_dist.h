/*
 * golden_dist.h - for test_dist.c: per sampler the bits of its first values, then its digest after 100,000 more.
 * GOLDEN_PRINT=1 CK_FORK=no tests/unit/test_dist prints the rows anew.
 */
enum { GOLDEN_VALUES = 4 };
static const uint64_t golden[N_SAMPLERS + 2][GOLDEN_VALUES + 1] = {
    /* uniform */
    {0xbfedc332d584be84, 0xbfd63f828567c398, 0x4010b0fe31eab6df, 0x3fe57a96e2f8be98, 0x4d4972e13437bd9a},
    /* exponential */
    {0x3ff4b770e8a982e2, 0x3fe31e5eadfa1632, 0x3ff81a9b2b5f50a6, 0x40177917939a4424, 0xe6bf8ba72b36d6e2},
    /* normal */
    {0xbfd4614f54f8b050, 0x3faa0394f3454459, 0x3fd2929b98d62146, 0xbfe69d26e552450d, 0x58bf3b53e411f8ed},
    /* gamma_below_1 */
    {0x3f6fd3b62066155c, 0x3fc70999e7b2fd5e, 0x3fd4092da055deec, 0x3f90ceb0c200e48d, 0x1d5700e614ae3c9d},
    /* gamma_1 */
    {0x3fec188d2dd52c1d, 0x400eecc7c35841ca, 0x3fdebc44342a55fc, 0x4000e00090d61dd8, 0xbdb276823f6e722e},
    /* gamma_above_1 */
    {0x402963e1417f4292, 0x4034ad19998560e5, 0x4025bee38236c196, 0x40309c704136ef7f, 0x0a3bf3cdfe791d8e},
    /* lognormal */
    {0x40310e61d2d97218, 0x403483bc77f0d202, 0x40371f82605e25d1, 0x402c17ee90364be3, 0xde577adf67d4877b},
    /* weibull_below_1 */
    {0x3fe344e1c22be91c, 0x3fc9881118b9fa65, 0x3fe7ec52464cd433, 0x4014dcb2b12bd068, 0x10dda5999ad307b9},
    /* weibull_above_1 */
    {0x3ff82ed42980b0de, 0x3ff2afeefd3fe0bc, 0x3ff96f5ddd72663a, 0x40040295bb69fa10, 0xb319ed27c2350913},
    /* zipf */
    {0x4075600000000000, 0x405b800000000000, 0x3ff0000000000000, 0x4038000000000000, 0x083ebb87ec268302},
    /* empirical */
    {0x406bb17753aac49c, 0x4079cec3b0e88ff3, 0x408fe00000000000, 0x40875d7a6a41d096, 0xeb67110c4b9bb98d},
};
