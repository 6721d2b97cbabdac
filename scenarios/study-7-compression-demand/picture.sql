.mode list
.separator "\t"
SELECT '# panel Memory that all sessions take, from MLA at 200k';
SELECT '# x elasticity of demand to the price of a session';
SELECT '# y GB below HBM, times before';
SELECT '# logy';
SELECT '# line 1 as before';
SELECT '# vline 1 fixed spend';
SELECT a, b, mean, low, high FROM ci WHERE name = 'demand' AND a IN ('DSA, 200k', 'CSA + HCA, 200k', 'CSA + HCA, 800k', 'DSA, 800k') ORDER BY a, b;
SELECT '# panel A session of ten calls';
SELECT '# bars';
SELECT '# x tokens of context';
SELECT '# y US$';
SELECT '# logy';
SELECT c.a, printf('%dk', c.b / 1000), mean, low, high FROM ci c JOIN kind ON kind = c.a WHERE name = 'usd' ORDER BY place, c.b;
