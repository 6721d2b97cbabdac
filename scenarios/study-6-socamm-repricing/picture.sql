.mode list
.separator "\t"
SELECT '# panel A token by the price of SOCAMM';
SELECT '# x US$ a GB, to the buyer';
SELECT '# y US$ a million output tokens';
SELECT '# logx';
SELECT '# vline 20 Q1, sold on';
SELECT '# vline 32.5 end of 2026';
SELECT a, b, mean FROM ci WHERE name = 'usd' ORDER BY a = 'none' DESC, a, b;
SELECT '# panel Users in time';
SELECT '# x GB of LPDDR for four GPUs';
SELECT '# y users';
SELECT '# points';
SELECT iif(u.a = 'none', 'none', substr(u.a, instr(u.a, 'x') + 2) || ' modules'), ifnull(g.mean, 0), u.mean, u.low, u.high FROM ci u LEFT JOIN ci g ON g.a = u.a AND g.name = 'gb' WHERE u.name = 'users' ORDER BY 1, 2;
