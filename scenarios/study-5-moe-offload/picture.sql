.mode list
.separator "\t"
SELECT '# panel Time of a token';
SELECT '# x % of the routed experts in HBM';
SELECT '# y ms';
SELECT '# logy';
SELECT '# line 50 50 ms';
SELECT printf('%d users, skew %g', users, skew), 100 * b, mean, low, high FROM ci c JOIN who w ON w.name = c.a WHERE c.name = 'mean_tpot_ms' AND gpus = 4 ORDER BY users, skew, b;
SELECT '# panel Tokens a US$, of four GPUs that hold all experts';
SELECT '# x % of the routed experts in HBM';
SELECT '# y times';
SELECT '# line 1 ';
SELECT printf('%d GPUs, %d users', gpus, users), 100 * b, mean, low, high FROM ci c JOIN who w ON w.name = c.a WHERE c.name = 'against' AND skew = 0.5 ORDER BY users, gpus, b;
