.mode markdown --wrap 0
SELECT card.model, users.text AS users, tpot.text AS 'ms a token', input.text AS 'input, US$/M', cached.text AS 'cached', output.text AS 'output',
       ratio.text AS 'output / input'
FROM card
JOIN shown users ON users.a = model AND users.b = 'best' AND users.name = 'users'
JOIN shown tpot ON tpot.a = model AND tpot.b = 'best' AND tpot.name = 'tpot'
JOIN shown input ON input.a = model AND input.b = 'best' AND input.name = 'input'
JOIN shown cached ON cached.a = model AND cached.b = 'best' AND cached.name = 'cached'
JOIN shown output ON output.a = model AND output.b = 'best' AND output.name = 'output'
JOIN shown ratio ON ratio.a = model AND ratio.b = 'best' AND ratio.name = 'ratio';
.mode list
SELECT '';
.mode markdown --wrap 0
SELECT card.model AS 'model, beside', card.name AS 'price list', card.input AS 'input, US$/M', card.cached AS cached, card.output AS output,
       printf('%.1f', card.output / card.input) AS 'output / input',
       printf('%.1f', card.input / i.mean) AS 'asked / cost, input', printf('%.1f', card.output / o.mean) AS 'output ', m.text AS 'margin, US$ a GPU-hour'
FROM card
JOIN ci i ON i.a = model AND i.b = 'best' AND i.name = 'input'
JOIN ci o ON o.a = model AND o.b = 'best' AND o.name = 'output'
JOIN shown m ON m.a = model AND m.b = 'best' AND m.name = 'margin';
