#include "study/mser.h"

static double mean_of_five(const double *x)
{
    double sum = 0;

    for (int k = 0; k < MSER_MEAN_OF; k++)
        sum += x[k];
    return sum / MSER_MEAN_OF;
}

enum mser_verdict mser_cut(const double *x, int64_t n, int64_t *cut)
{
    int64_t m = n / MSER_MEAN_OF, best_at = 0;
    double mean = 0, squares = 0,
           best = -1; /* mean and squares: of those from d on, one taken in after the other (Welford) */

    *cut = 0;
    if (n < MSER_LEAST)
        return MSER_TOO_FEW;
    for (int64_t d = m - 1; d >= 0; d--) {
        double z = mean_of_five(x + d * MSER_MEAN_OF), kept = (double)(m - d), away = z - mean;
        mean += away / kept;
        squares += away * (z - mean);
        double error = squares / (kept * kept);
        if (m - d > MSER_TAIL && (best < 0 || error <= best)) {
            best = error;
            best_at = d;
        }
    }
    *cut = best_at * MSER_MEAN_OF;
    return 2 * best_at > m ? MSER_PAST_HALF : MSER_OK;
}
